// To root, nothing is forbidden: tests of what is do it as somebody else.

const NOBODY = 65_534;

export async function withoutRoot<T>(action: () => Promise<T> | T): Promise<T> {
  if (process.geteuid?.() !== 0) return await action();
  process.seteuid?.(NOBODY);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}
