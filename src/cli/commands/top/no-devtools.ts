/**
 * The module that is bundled instead of `react-devtools-core`, see `paths` in tsconfig.json. With DEV=true in the
 * environment Ink would load that package from the working directory, and a tool that runs as root must not.
 */
export default {};
