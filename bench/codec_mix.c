#include "bench/codec_mix.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/decimal.h"
#include "dataplane/core/hash.h"
#include "fix/fix_dict.h"

#define TIME_NS 1795342272123000000ull

static const char *const symbols[] = {"EUR/USD", "GBP/USD", "USD/JPY", "EUR/SEK", "AUD/NZD", "USD/CHF"};

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state = hash_u64(state + 1);
    return (uint32_t)(state % n);
}

static void put_id(struct fix_encoder *e, uint32_t tag, const char *prefix)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%s-%08x", prefix, below(UINT32_MAX));
    fix_put_bytes(e, tag, text, (size_t)n);
}

static int64_t price(void)
{
    return DECIMAL_SCALE + (int64_t)below(100000) * 1000;
}

static void put_quantity(struct fix_encoder *e, uint32_t tag)
{
    fix_put_decimal(e, tag, (int64_t)(1 + below(50)) * 100000 * DECIMAL_SCALE);
}

static void put_time(struct fix_encoder *e, uint32_t tag)
{
    fix_put_time(e, tag, TIME_NS + below(1000000) * 1000000ull, FIX_TIME_MS);
}

static void put_parties(struct fix_encoder *e, unsigned count)
{
    static const unsigned roles[] = {FIX_PartyRole_EXECUTING_FIRM, FIX_PartyRole_CLIENT_ID,
                                     FIX_PartyRole_ENTERING_TRADER};
    fix_put_uint(e, FIX_TAG_NoPartyIDs, count);
    for (unsigned i = 0; i < count; i++) {
        put_id(e, FIX_TAG_PartyID, "P");
        fix_put_char(e, FIX_TAG_PartyIDSource, 'D');
        fix_put_uint(e, FIX_TAG_PartyRole, roles[i % 3]);
    }
}

static void quote_request(struct fix_encoder *e)
{
    unsigned legs = 1 + below(3);
    put_id(e, FIX_TAG_QuoteReqID, "RFQ");
    fix_put_uint(e, FIX_TAG_NoRelatedSym, legs);
    for (unsigned i = 0; i < legs; i++) {
        fix_put_text(e, FIX_TAG_Symbol, symbols[below(6)]);
        fix_put_text(e, FIX_TAG_SecurityType, "FOR");
        fix_put_uint(e, FIX_TAG_QuoteRequestType, FIX_QuoteRequestType_AUTOMATIC);
        fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
        fix_put_char(e, FIX_TAG_Side, below(2) ? FIX_Side_BUY : FIX_Side_SELL);
        put_quantity(e, FIX_TAG_OrderQty);
        fix_put_char(e, FIX_TAG_SettlType, FIX_SettlType_REGULAR);
        fix_put_date(e, FIX_TAG_SettlDate, 20261124);
        fix_put_text(e, FIX_TAG_Currency, "EUR");
        put_id(e, FIX_TAG_Account, "ACC");
        put_time(e, FIX_TAG_ExpireTime);
        put_time(e, FIX_TAG_TransactTime);
        put_parties(e, 2);
    }
    fix_put_text(e, FIX_TAG_Text, "please quote");
}

static void quote(struct fix_encoder *e)
{
    put_id(e, FIX_TAG_QuoteReqID, "RFQ");
    put_id(e, FIX_TAG_QuoteID, "Q");
    fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
    put_parties(e, 2);
    fix_put_text(e, FIX_TAG_Symbol, symbols[below(6)]);
    fix_put_text(e, FIX_TAG_SecurityType, "FOR");
    fix_put_char(e, FIX_TAG_Side, below(2) ? FIX_Side_BUY : FIX_Side_SELL);
    put_quantity(e, FIX_TAG_OrderQty);
    fix_put_char(e, FIX_TAG_SettlType, FIX_SettlType_REGULAR);
    fix_put_date(e, FIX_TAG_SettlDate, 20261124);
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    put_id(e, FIX_TAG_Account, "ACC");
    fix_put_decimal(e, FIX_TAG_BidPx, price());
    fix_put_decimal(e, FIX_TAG_OfferPx, price());
    fix_put_decimal(e, FIX_TAG_MktBidPx, price());
    fix_put_decimal(e, FIX_TAG_MktOfferPx, price());
    put_quantity(e, FIX_TAG_MinBidSize);
    put_quantity(e, FIX_TAG_BidSize);
    put_quantity(e, FIX_TAG_MinOfferSize);
    put_quantity(e, FIX_TAG_OfferSize);
    put_time(e, FIX_TAG_ValidUntilTime);
    fix_put_decimal(e, FIX_TAG_BidSpotRate, price());
    fix_put_decimal(e, FIX_TAG_OfferSpotRate, price());
    fix_put_decimal(e, FIX_TAG_BidForwardPoints, (int64_t)below(1000) * -1000);
    fix_put_decimal(e, FIX_TAG_OfferForwardPoints, (int64_t)below(1000) * 1000);
    put_time(e, FIX_TAG_TransactTime);
    fix_put_char(e, FIX_TAG_OrdType, FIX_OrdType_LIMIT);
    fix_put_text(e, FIX_TAG_Text, "firm");
}

static void order(struct fix_encoder *e)
{
    put_id(e, FIX_TAG_ClOrdID, "ORD");
    put_id(e, FIX_TAG_SecondaryClOrdID, "SEC");
    put_parties(e, 3);
    fix_put_date(e, FIX_TAG_TradeDate, 20261122);
    put_id(e, FIX_TAG_Account, "ACC");
    fix_put_char(e, FIX_TAG_SettlType, FIX_SettlType_REGULAR);
    fix_put_date(e, FIX_TAG_SettlDate, 20261124);
    fix_put_char(e, FIX_TAG_HandlInst, '1');
    fix_put_text(e, FIX_TAG_ExecInst, "G M");
    fix_put_text(e, FIX_TAG_Symbol, symbols[below(6)]);
    fix_put_text(e, FIX_TAG_SecurityType, "FOR");
    fix_put_char(e, FIX_TAG_Side, below(2) ? FIX_Side_BUY : FIX_Side_SELL);
    put_time(e, FIX_TAG_TransactTime);
    put_quantity(e, FIX_TAG_OrderQty);
    fix_put_char(e, FIX_TAG_OrdType, FIX_OrdType_LIMIT);
    fix_put_uint(e, FIX_TAG_PriceType, FIX_PriceType_PER_UNIT);
    fix_put_decimal(e, FIX_TAG_Price, price());
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    put_id(e, FIX_TAG_QuoteID, "Q");
    fix_put_char(e, FIX_TAG_TimeInForce, FIX_TimeInForce_IMMEDIATE_OR_CANCEL);
    put_time(e, FIX_TAG_ExpireTime);
    fix_put_char(e, FIX_TAG_OrderCapacity, 'A');
    fix_put_text(e, FIX_TAG_Text, "hit");
}

static void execution(struct fix_encoder *e)
{
    put_id(e, FIX_TAG_OrderID, "O");
    put_id(e, FIX_TAG_ClOrdID, "ORD");
    put_id(e, FIX_TAG_QuoteRespID, "QR");
    put_parties(e, 3);
    put_id(e, FIX_TAG_ExecID, "E");
    fix_put_char(e, FIX_TAG_ExecType, FIX_ExecType_TRADE);
    fix_put_char(e, FIX_TAG_OrdStatus, FIX_OrdStatus_FILLED);
    put_id(e, FIX_TAG_Account, "ACC");
    fix_put_char(e, FIX_TAG_SettlType, FIX_SettlType_REGULAR);
    fix_put_date(e, FIX_TAG_SettlDate, 20261124);
    fix_put_text(e, FIX_TAG_Symbol, symbols[below(6)]);
    fix_put_text(e, FIX_TAG_SecurityType, "FOR");
    fix_put_char(e, FIX_TAG_Side, below(2) ? FIX_Side_BUY : FIX_Side_SELL);
    put_quantity(e, FIX_TAG_OrderQty);
    fix_put_char(e, FIX_TAG_OrdType, FIX_OrdType_LIMIT);
    fix_put_decimal(e, FIX_TAG_Price, price());
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    fix_put_char(e, FIX_TAG_TimeInForce, FIX_TimeInForce_IMMEDIATE_OR_CANCEL);
    put_quantity(e, FIX_TAG_LastQty);
    fix_put_decimal(e, FIX_TAG_LastPx, price());
    fix_put_decimal(e, FIX_TAG_LastSpotRate, price());
    fix_put_decimal(e, FIX_TAG_LastForwardPoints, 0);
    fix_put_decimal(e, FIX_TAG_LeavesQty, 0);
    put_quantity(e, FIX_TAG_CumQty);
    fix_put_decimal(e, FIX_TAG_AvgPx, price());
    fix_put_date(e, FIX_TAG_TradeDate, 20261122);
    put_time(e, FIX_TAG_TransactTime);
    fix_put_decimal(e, FIX_TAG_SettlCurrAmt, price() * 1000);
    fix_put_text(e, FIX_TAG_SettlCurrency, "USD");
    put_quantity(e, FIX_TAG_MinQty);
}

static void mass_quote(struct fix_encoder *e)
{
    unsigned entries = 1 + below(4);
    put_id(e, FIX_TAG_QuoteReqID, "RFQ");
    put_id(e, FIX_TAG_QuoteID, "Q");
    fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
    put_id(e, FIX_TAG_Account, "ACC");
    fix_put_uint(e, FIX_TAG_NoQuoteSets, 1);
    put_id(e, FIX_TAG_QuoteSetID, "S");
    fix_put_uint(e, FIX_TAG_TotNoQuoteEntries, entries);
    fix_put_uint(e, FIX_TAG_NoQuoteEntries, entries);
    for (unsigned i = 0; i < entries; i++) {
        put_id(e, FIX_TAG_QuoteEntryID, "QE");
        fix_put_text(e, FIX_TAG_Symbol, symbols[below(6)]);
        fix_put_text(e, FIX_TAG_SecurityType, "FOR");
        fix_put_decimal(e, FIX_TAG_BidPx, price());
        fix_put_decimal(e, FIX_TAG_OfferPx, price());
        put_quantity(e, FIX_TAG_BidSize);
        put_quantity(e, FIX_TAG_OfferSize);
        put_time(e, FIX_TAG_ValidUntilTime);
        put_time(e, FIX_TAG_TransactTime);
        fix_put_date(e, FIX_TAG_SettlDate, 20261124);
        fix_put_text(e, FIX_TAG_Currency, "EUR");
    }
}

void codec_mix_make(struct codec_mix *m)
{
    static const struct {
        const char *type;
        void (*put)(struct fix_encoder *e);
    } kinds[] = {{"R", quote_request}, {"S", quote},     {"S", quote},
                 {"D", order},         {"8", execution}, {"i", mass_quote}};
    struct fix_template t;
    char room[8192];
    state = 1;
    fix_template_init(&t, "LIQUIDITY1", "RFQHOUSE", FIX_TIME_MS);
    m->at[0] = 0;
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        struct fix_encoder e;
        const char *bytes;
        size_t size;
        uint32_t kind = below(6);
        fix_encode_begin(&e, &t, room, sizeof room, kinds[kind].type, 1000 + i, TIME_NS + i * 1000000ull, 0);
        kinds[kind].put(&e);
        enum err error = fix_encode_end(&e, &bytes, &size);
        assert(error == OK && m->at[i] + size <= sizeof m->bytes);
        memcpy(m->bytes + m->at[i], bytes, size);
        m->at[i + 1] = m->at[i] + (uint32_t)size;
    }
    m->fields = 0;
    for (uint32_t i = 0; i < m->at[CODEC_MIX_MESSAGES]; i++)
        m->fields += m->bytes[i] == '\x01';
}

void codec_values_make(struct codec_values *v, uint32_t i)
{
    state = i;
    *v = (struct codec_values){.type = "D8S"[i % 3],
                               .seq = 1000 + i,
                               .time_ns = TIME_NS + i * 1000000ull,
                               .side = below(2) ? '1' : '2',
                               .quantity = (int64_t)(1 + below(50)) * 100000 * DECIMAL_SCALE,
                               .price = price(),
                               .other_price = price(),
                               .date = 20261124};
    snprintf(v->id, sizeof v->id, "ORD-%08x%04x", below(UINT32_MAX), i);
    snprintf(v->other_id, sizeof v->other_id, "QUO-%08x%04x", below(UINT32_MAX), i);
    snprintf(v->account, sizeof v->account, "ACC-%06u", below(1000000));
    snprintf(v->symbol, sizeof v->symbol, "%s", symbols[below(6)]);
}

static void values_order(struct fix_encoder *e, const struct codec_values *v)
{
    fix_put_text(e, FIX_TAG_ClOrdID, v->id);
    fix_put_text(e, FIX_TAG_Account, v->account);
    fix_put_char(e, FIX_TAG_SettlType, '0');
    fix_put_date(e, FIX_TAG_SettlDate, v->date);
    fix_put_char(e, FIX_TAG_HandlInst, '1');
    fix_put_text(e, FIX_TAG_Symbol, v->symbol);
    fix_put_char(e, FIX_TAG_Side, v->side);
    fix_put_time(e, FIX_TAG_TransactTime, v->time_ns, FIX_TIME_MS);
    fix_put_decimal(e, FIX_TAG_OrderQty, v->quantity);
    fix_put_char(e, FIX_TAG_OrdType, '2');
    fix_put_decimal(e, FIX_TAG_Price, v->price);
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    fix_put_text(e, FIX_TAG_QuoteID, v->other_id);
    fix_put_char(e, FIX_TAG_TimeInForce, '3');
}

static void values_execution(struct fix_encoder *e, const struct codec_values *v)
{
    fix_put_text(e, FIX_TAG_OrderID, v->other_id);
    fix_put_text(e, FIX_TAG_ClOrdID, v->id);
    fix_put_text(e, FIX_TAG_ExecID, v->other_id);
    fix_put_char(e, FIX_TAG_ExecType, 'F');
    fix_put_char(e, FIX_TAG_OrdStatus, '2');
    fix_put_text(e, FIX_TAG_Account, v->account);
    fix_put_date(e, FIX_TAG_SettlDate, v->date);
    fix_put_text(e, FIX_TAG_Symbol, v->symbol);
    fix_put_char(e, FIX_TAG_Side, v->side);
    fix_put_decimal(e, FIX_TAG_OrderQty, v->quantity);
    fix_put_char(e, FIX_TAG_OrdType, '2');
    fix_put_decimal(e, FIX_TAG_Price, v->price);
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    fix_put_decimal(e, FIX_TAG_LastQty, v->quantity);
    fix_put_decimal(e, FIX_TAG_LastPx, v->other_price);
    fix_put_decimal(e, FIX_TAG_LeavesQty, 0);
    fix_put_decimal(e, FIX_TAG_CumQty, v->quantity);
    fix_put_decimal(e, FIX_TAG_AvgPx, v->other_price);
    fix_put_time(e, FIX_TAG_TransactTime, v->time_ns, FIX_TIME_MS);
}

static void values_quote(struct fix_encoder *e, const struct codec_values *v)
{
    fix_put_text(e, FIX_TAG_QuoteReqID, v->id);
    fix_put_text(e, FIX_TAG_QuoteID, v->other_id);
    fix_put_uint(e, FIX_TAG_QuoteType, 1);
    fix_put_text(e, FIX_TAG_Symbol, v->symbol);
    fix_put_date(e, FIX_TAG_SettlDate, v->date);
    fix_put_text(e, FIX_TAG_Currency, "EUR");
    fix_put_text(e, FIX_TAG_Account, v->account);
    fix_put_decimal(e, FIX_TAG_BidPx, v->price);
    fix_put_decimal(e, FIX_TAG_OfferPx, v->other_price);
    fix_put_decimal(e, FIX_TAG_BidSize, v->quantity);
    fix_put_decimal(e, FIX_TAG_OfferSize, v->quantity);
    fix_put_time(e, FIX_TAG_ValidUntilTime, v->time_ns, FIX_TIME_MS);
    fix_put_time(e, FIX_TAG_TransactTime, v->time_ns, FIX_TIME_MS);
}

enum err codec_encode(const struct codec_values *v, struct fix_template *t, char *room, size_t room_size,
                      const char **bytes, size_t *size)
{
    struct fix_encoder e;
    char type[2] = {v->type, 0};
    fix_encode_begin(&e, t, room, room_size, type, v->seq, v->time_ns, 0);
    if (v->type == 'D')
        values_order(&e, v);
    else if (v->type == '8')
        values_execution(&e, v);
    else
        values_quote(&e, v);
    return fix_encode_end(&e, bytes, size);
}
