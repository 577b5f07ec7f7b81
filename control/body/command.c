/* From what was asked to how the engine is asked. */
#include <string.h>

#include "control/body/body.h"

void body_rfq_command(const struct body_rfq *b, uint64_t now_ns, struct command_client_rfq *out)
{
    *out = (struct command_client_rfq){.quantity = b->quantity,
                                       .deadline_ns = b->timeout_ns ? now_ns + b->timeout_ns : b->expires_ns,
                                       .settl_date = b->settl_date,
                                       .legs = 1,
                                       .side = b->side,
                                       .all_or_none = b->all_or_none};
    memcpy(out->reference, b->reference, sizeof out->reference);
    memcpy(out->symbol, b->symbol, sizeof out->symbol);
}

void body_accept_command(const struct body_accept *b, uint64_t rfq, struct command_client_accept *out)
{
    *out = (struct command_client_accept){
        .rfq = rfq, .quote = b->quote, .quantity = b->quantity, .price = b->price, .side = b->side};
}

void body_extend_command(const struct body_extend *b, uint64_t rfq, struct command_client_extend *out)
{
    *out = (struct command_client_extend){
        .rfq = rfq, .deadline_ns = b->expires_ns, .extend_ns = b->extend_ns};
    memcpy(out->text, b->reason, sizeof out->text);
}
