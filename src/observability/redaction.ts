// What must not be printed by its name: header fields, log fields and query parameters that carry credentials, and the userinfo of
// URLs. Errs on the side of hiding. Secrets that the gateway holds itself are SecretText and need none of this.
import { unescape } from 'node:querystring';
import { REDACTED } from '../lib/secret-text.ts';

/** Names are compared lower-case and without punctuation: `X-Api-Key`, `apiKey` and `api_key` are one. */
const SENSITIVE_NAME =
  /^(?:cookie|setcookie|auth|jwt|pass|pwd|sig|sid)$|(?:authorization|token|password|passwd|passphrase|secret|credentials?|apikey|accesskey|privatekey|privatekeypem|signature|sessionid)$/;

/** Too common as names of other things (an error's code, a resource's key), but secret in a query. */
const SENSITIVE_IN_QUERY = /^(?:key|code|session)$/;

/** Whether a query can hold a sensitive name at all: decides for nearly all of them. */
const SUSPECT_QUERY = /auth|cookie|token|pass|pwd|secret|cred|key|sig|session|sid|jwt|code|%|:\/\//i;

/** `scheme://user:password@` in any text. */
const URL_USERINFO = /:\/\/[^/\s"'<>?#]*@/g;

/** The query and the fragment of a URL in any text. */
const URL_PARAMETERS = /[?#][^\s"'<>]+/g;

/**
 * `name=` inside one parameter, which can hold several where a server splits at `;` or the value is a URL. Begins only where a name
 * can begin: tried from every character, it would take quadratic time.
 */
const PARAMETER_NAME = /(?<=^|[=;?#])([^=;?#]+)=/g;

/** Header fields and structured log fields. */
export function isSensitiveName(name: string): boolean {
  return SENSITIVE_NAME.test(plainName(name));
}

/** A raw query: values of sensitive parameters are replaced, all else is kept as it is. */
export function redactQuery(query: string): string {
  if (!SUSPECT_QUERY.test(query)) return query;
  return redactParameters(query.replace(URL_USERINFO, `://${REDACTED}@`));
}

/** URLs inside a text: userinfo and the values of sensitive parameters are replaced. */
export function redactUrls(text: string): string {
  return text.replace(URL_USERINFO, `://${REDACTED}@`).replace(URL_PARAMETERS, redactParameters);
}

function redactParameters(parameters: string): string {
  return parameters.split('&').map(redactParameter).join('&');
}

function redactParameter(parameter: string): string {
  for (const match of parameter.matchAll(PARAMETER_NAME)) {
    const [nameAndSign, name = ''] = match;
    if (isSensitiveParameter(name)) return parameter.slice(0, match.index + nameAndSign.length) + REDACTED;
  }
  return parameter;
}

function isSensitiveParameter(encodedName: string): boolean {
  const name = plainName(encodedName.includes('%') ? unescape(encodedName) : encodedName);
  return SENSITIVE_NAME.test(name) || SENSITIVE_IN_QUERY.test(name);
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}
