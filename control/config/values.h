/* Values: what a configuration says, key by key, as it would be written; and how two of them differ. By the
 * table of keys, so that no key is forgotten. Any thread; constant configurations.
 */
#ifndef RFQD_CONTROL_VALUES_H
#define RFQD_CONTROL_VALUES_H

#include "control/config/keys.h"

#define CONFIG_VALUE_SIZE 512

/* Entry i of a list; of a section that is none: the configuration itself, i 0. NULL: no more. */
const void *config_entry(const struct config *c, enum config_section s, unsigned i);
/* What an entry is known by: the value of its section's first key; a core's number; "" where there is one
 * only. */
const char *config_entry_name(enum config_section s, const void *entry, unsigned i, char out[ID_TEXT_SIZE]);
/* "settings.ack_timeout_ms"; of the top level: "level". */
void config_key_path(const struct config_key *k, char *out, size_t size);
void config_value_text(const struct config_key *k, const void *entry, char out[CONFIG_VALUE_SIZE]);

struct config_difference {
    enum config_section section;
    const struct config_key *key; /* NULL: the whole entry is new, or gone */
    const char *entry;            /* its name, "" */
    const char *was, *is;         /* NULL: there was, there is no such entry */
    bool live;                    /* takes effect without a restart */
};
void config_compare(const struct config *was, const struct config *is,
                    void (*visit)(void *ctx, const struct config_difference *d), void *ctx);
/* What takes a restart is taken over from `running`: what is left is what can be in force,
 * where the two together pass config_check. */
void config_keep(struct config *c, const struct config *running);

#endif
