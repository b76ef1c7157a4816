/** Why a branch is taken in no test that is counted: by its file and a part of its line. */
export const reasons: readonly { readonly path: string; readonly text: string; readonly why: string }[] = [];
