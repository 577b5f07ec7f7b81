// Who is at the page: a bearer token, kept for this tab only.
//
// It comes in the address (`#token=…`, from which it is taken away at once, so that it stays in no history and is sent
// to nobody) or is pasted. What it says is read here to show a name and to leave out what its roles may not do; whether
// it is good, and what it may do, the server decides.

const KEPT = "rfqd.token";

export function takeToken(location, history, storage) {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    storage.setItem(KEPT, given);
  }
  return given ?? storage.getItem(KEPT);
}

export const keepToken = (storage, token) => storage.setItem(KEPT, token);
export const dropToken = (storage) => storage.removeItem(KEPT);

/** {name, tenant, roles, expires, seesAll, trades}; throws a sentence where the text is no token. */
export function readToken(token) {
  let claims;
  try {
    const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  } catch {
    throw new Error("This is no token: three parts of base64url with points between them are expected.");
  }
  const roles = [claims.roles ?? []].flat();
  const has = (...wanted) => wanted.some((role) => roles.includes(role));
  return {
    name: String(claims.sub ?? "?"),
    tenant: String(claims.tenant ?? "?"),
    roles,
    seesAll: has("ops", "admin"),
    trades: has("trader", "manager", "admin"),
    manages: has("manager"),
  };
}
