/* Which RFQ a record is about: what its timeline is made of. */
#ifndef RFQD_MODEL_RECORD_RFQ_H
#define RFQD_MODEL_RECORD_RFQ_H

#include "dataplane/ring/record.h"

/* 0: none, or not said by the record itself (an inbound frame: the RFQ of the batch it caused; ORDER_RETIRED:
 * the order's). A record of a type that this program does not know is about none. */
uint64_t record_rfq(const struct record *r);

#endif
