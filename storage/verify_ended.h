/* For verify: which entities left memory, and the hash of each as it left. Watches the states' tables from
 * create to destroy. */
#ifndef RFQD_STORAGE_VERIFY_ENDED_H
#define RFQD_STORAGE_VERIFY_ENDED_H

#include <stdbool.h>

#include "dataplane/model/state.h"

struct ended_entity {
    const char *table; /* the live one's name; NULL: a free place */
    uint64_t rfq, id, hash;
    uint64_t left_ns;
};

struct ended;

enum err ended_create(struct ended **out, struct state *const states[AGENTS_MAX]) WARN_UNUSED;
void ended_destroy(struct ended *e);
bool ended_failed(const struct ended *e); /* out of memory: some are not known */
/* after NULL: the first; NULL at the end. */
const struct ended_entity *ended_next(const struct ended *e, const struct ended_entity *after);

#endif
