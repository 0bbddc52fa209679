/** Operators, accounts and users of a nats-server as JWTs, signed here. docs.nats.io, "Decentralized JWT Authentication". */
import { nkeys } from "@nats-io/transport-node";

type Keys = ReturnType<typeof nkeys.createUser>;

const NO_LIMIT = -1;
const encode = (value: object | Uint8Array) =>
  Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString("base64url");

function jwt(issuer: Keys, subject: Keys, name: string, nats: object): string {
  const claims = { jti: name, iat: 1, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), name, nats };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${text}.${encode(issuer.sign(new TextEncoder().encode(text)))}`;
}

/** An account whose scoped signing key gives every agent its permissions, by its name. */
export interface AgentAccount {
  /** The lines of the server's configuration. */
  readonly config: string;
  /** The credentials file of an agent. */
  credentialsOf(name: string): Uint8Array;
}

/** Makes such an account, and its operator. @param template the permissions, with `{{name()}}` for the agent's name */
export function agentAccount(template: { readonly pub: object; readonly sub: object }): AgentAccount {
  const [operator, account, signing] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const limits = { subs: NO_LIMIT, data: NO_LIMIT, payload: NO_LIMIT };
  const operatorJwt = jwt(operator, operator, "operator", { type: "operator", version: 2 });
  const accountJwt = jwt(operator, account, "fleet", {
    type: "account",
    version: 2,
    limits: {
      ...limits,
      imports: NO_LIMIT,
      exports: NO_LIMIT,
      wildcards: true,
      conn: NO_LIMIT,
      leaf: NO_LIMIT,
    },
    default_permissions: { pub: {}, sub: {} },
    signing_keys: [
      {
        kind: "user_scope",
        key: signing.getPublicKey(),
        role: "agent",
        template: { ...template, ...limits },
      },
    ],
  });
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    credentialsOf(name) {
      const user = nkeys.createUser();
      const issued = { type: "user", version: 2, issuer_account: account.getPublicKey() };
      const seed = new TextDecoder().decode(user.getSeed());
      return new TextEncoder().encode(
        `-----BEGIN NATS USER JWT-----\n${jwt(signing, user, name, issued)}\n------END NATS USER JWT------\n\n` +
          `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
      );
    },
  };
}
