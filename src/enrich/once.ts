/** Values that are computed when they are first read. */

/** Makes a function whose result is computed at the first call. */
export function once<V>(compute: () => V): () => V {
  let result: { value: V } | undefined;
  return () => {
    result ??= { value: compute() };
    return result.value;
  };
}
