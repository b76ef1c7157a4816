/** One kind of operating error. */
export interface FaultRow {
  /** Whether trying again later can help without anybody mending anything. */
  readonly retryable: boolean;
  /** What happened, as a sentence. */
  readonly meaning: string;
  /** What a person can do, as sentences. */
  readonly remedy: string;
}
