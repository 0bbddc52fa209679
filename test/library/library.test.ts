/** The same suite on Bun, from source. */
import "./library.mjs";
