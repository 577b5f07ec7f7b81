/* Token: a bearer token (JWT) for the API, signed with a key whose public or secret half rfqd knows under
 * token_keys. Asks no rfqd: who has the key may name anybody.
 *
 *     token --key FILE --kid ID --user USER --tenant TENANT --role ROLE [--ttl TIME]
 *
 * FILE: a secret of 32 bytes at least (HS256), or a private key in PEM: RSA (RS256) or P-256 (ES256). ROLE:
 * trader, manager, ops or admin, several with commas between. TIME: a number of seconds, or with s, m, h, d
 * behind it; an hour where nothing is said.
 */
#ifndef RFQD_CTL_TOKEN_H
#define RFQD_CTL_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/ctl/client.h"

/* Prints it, alone on a line; json: as an object's `token`. CTL_USAGE, CTL_FAILED: what is wrong went to
 * standard error. */
enum ctl_result token_print(FILE *to, unsigned count, const char *const words[], uint64_t now_s, bool json);

#endif
