/* The two halves of fix_validate, for the test that holds one against the other. Not a face of the room. */
#ifndef RFQD_FIX_VALIDATE_H
#define RFQD_FIX_VALIDATE_H

#include "fix/dict.h"
#include "fix/msg.h"

/* True: the message is good. False: it may be bad. */
bool fix_validate_quickly(const struct fix_msg *m, const struct fix_dict_message *d, bool admit_user_tags);
/* The first fault with its reason. */
enum err fix_validate_carefully(const struct fix_msg *m, const struct fix_dict_message *d,
                                bool admit_user_tags, struct fix_refusal *why) WARN_UNUSED;

#endif
