#include "dataplane/engine/distribution/inside.h"

void distribution_note(struct emit *e, unsigned command, uint64_t rfq, uint64_t ref, enum reason reason,
                       const char *text)
{
    struct engine_noted *ev = emit_begin(e, RECORD_DISTRIBUTION_NOTED, sizeof *ev);
    ev->rfq = rfq;
    ev->ref = ref;
    ev->reason = reason;
    ev->command = command;
    struct text t = text_in(ev->text, sizeof ev->text);
    text_add(&t, text);
    emit_end(e, ev);
}
