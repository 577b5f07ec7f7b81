/* A token (JWT, HS256) for the measurements' clients. */
#ifndef RFQD_BENCH_FAN_TOKEN_H
#define RFQD_BENCH_FAN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define FAN_TOKEN_SIZE 512

/* Valid for a day. claims: the members of its body but `exp`. false: too long. */
bool fan_token(const char *secret, const char *key_id, const char *claims, char out[FAN_TOKEN_SIZE]);

#endif
