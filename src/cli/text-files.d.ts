/** Files that `licenses.ts` imports as text. */
declare module "*LICENSE" {
  const text: string;
  export default text;
}
declare module "*/THIRD-PARTY-LICENSES" {
  const text: string;
  export default text;
}
