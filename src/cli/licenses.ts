/** The licences of everything in the executable, as the build collects them (scripts/notices.ts). */
import thirdParty from "../../dist/THIRD-PARTY-LICENSES" with { type: "text" };
import own from "../../LICENSE" with { type: "text" };

/** The text of `--licenses`. */
export const licenses = `${own}\n${thirdParty}`;
