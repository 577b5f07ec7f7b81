/* Checks over the whole configuration, after each key by itself was found right. */
#ifndef RFQD_CONTROL_CHECK_H
#define RFQD_CONTROL_CHECK_H

#include "control/config/keys.h"

/* Add an error. line 0: not of one line. */
void config_complain(struct config *c, const char *name, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Where the key is that this member of *c is of; 0: not in the file. */
size_t config_key_line(const struct config *c, const void *member);

/* NULL, and why: it is a regular file or none. Who opens or reads a pipe may wait for its writer without end.
 */
FILE *config_open_file(const char *path, const char **why);

/* Names are unique and refer to something, sizes are powers of two, every agent runs once; fills in what
 * follows from the rest (paths, levels of sessions). */
void config_check(struct config *c, const char *name);
/* The files it names can be read, and token keys are what their algorithm takes. */
void config_check_files(struct config *c, const char *name);

#endif
