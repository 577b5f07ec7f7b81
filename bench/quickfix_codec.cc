#include "bench/quickfix_codec.h"

#include <cstring>
#include <string>
#include <vector>

#include <quickfix/DataDictionary.h>
#include <quickfix/Message.h>
#include <quickfix/fix44/ExecutionReport.h>
#include <quickfix/fix44/NewOrderSingle.h>
#include <quickfix/fix44/Quote.h>

struct quickfix_codec {
    FIX::DataDictionary dictionary;
    std::vector<std::string> messages;
};

extern "C" {

struct quickfix_codec *quickfix_codec_open(const char *dictionary)
{
    try {
        return new quickfix_codec{FIX::DataDictionary(dictionary), {}};
    } catch (const std::exception &) {
        return nullptr;
    }
}

void quickfix_codec_close(struct quickfix_codec *q)
{
    delete q;
}

void quickfix_codec_load(struct quickfix_codec *q, const struct codec_mix *mix)
{
    q->messages.clear();
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++)
        q->messages.emplace_back(mix->bytes + mix->at[i], mix->at[i + 1] - mix->at[i]);
}

unsigned quickfix_read(const struct quickfix_codec *q, uint32_t i)
{
    unsigned sum = 0;
    for (size_t at = 0; at < q->messages[i].size(); at += 32)
        sum += static_cast<unsigned char>(q->messages[i][at]);
    return sum;
}

int quickfix_parse(struct quickfix_codec *q, uint32_t i)
{
    try {
        FIX::Message m(q->messages[i], false);
        return static_cast<int>(m.totalFields());
    } catch (const std::exception &) {
        return -1;
    }
}

int quickfix_parse_and_validate(struct quickfix_codec *q, uint32_t i)
{
    try {
        FIX::Message m(q->messages[i], q->dictionary, true);
        q->dictionary.validate(m);
        return static_cast<int>(m.totalFields());
    } catch (const std::exception &) {
        return -1;
    }
}

static uint64_t sum_of(const FIX::FieldMap &map)
{
    uint64_t sum = 0;
    for (auto f = map.begin(); f != map.end(); ++f) {
        uint64_t bytes = 0;
        for (char c : f->getString())
            bytes += static_cast<unsigned char>(c);
        sum += bytes * static_cast<uint64_t>(f->getTag());
    }
    for (auto g = map.g_begin(); g != map.g_end(); ++g)
        for (const FIX::FieldMap *instance : g->second)
            sum += sum_of(*instance);
    return sum;
}

uint64_t quickfix_field_sum(struct quickfix_codec *q, uint32_t i)
{
    try {
        FIX::Message m(q->messages[i], q->dictionary, true);
        return sum_of(m.getHeader()) + sum_of(m) + sum_of(m.getTrailer());
    } catch (const std::exception &) {
        return 0;
    }
}

static double as_double(int64_t decimal)
{
    return static_cast<double>(decimal) / 1e8;
}

static FIX::UtcTimeStamp as_time(uint64_t ns)
{
    return FIX::UtcTimeStamp(static_cast<time_t>(ns / 1000000000u), static_cast<int>(ns / 1000000u % 1000u),
                             3);
}

static void put_order(FIX::Message &m, const struct codec_values *v)
{
    m.setField(FIX::ClOrdID(v->id));
    m.setField(FIX::Account(v->account));
    m.setField(FIX::SettlType("0"));
    m.setField(FIX::SettlDate("20261124"));
    m.setField(FIX::HandlInst('1'));
    m.setField(FIX::Symbol(v->symbol));
    m.setField(FIX::Side(v->side));
    m.setField(FIX::TransactTime(as_time(v->time_ns), 3));
    m.setField(FIX::OrderQty(as_double(v->quantity)));
    m.setField(FIX::OrdType('2'));
    m.setField(FIX::Price(as_double(v->price)));
    m.setField(FIX::Currency("EUR"));
    m.setField(FIX::QuoteID(v->other_id));
    m.setField(FIX::TimeInForce('3'));
}

static void put_execution(FIX::Message &m, const struct codec_values *v)
{
    m.setField(FIX::OrderID(v->other_id));
    m.setField(FIX::ClOrdID(v->id));
    m.setField(FIX::ExecID(v->other_id));
    m.setField(FIX::ExecType('F'));
    m.setField(FIX::OrdStatus('2'));
    m.setField(FIX::Account(v->account));
    m.setField(FIX::SettlDate("20261124"));
    m.setField(FIX::Symbol(v->symbol));
    m.setField(FIX::Side(v->side));
    m.setField(FIX::OrderQty(as_double(v->quantity)));
    m.setField(FIX::OrdType('2'));
    m.setField(FIX::Price(as_double(v->price)));
    m.setField(FIX::Currency("EUR"));
    m.setField(FIX::LastQty(as_double(v->quantity)));
    m.setField(FIX::LastPx(as_double(v->other_price)));
    m.setField(FIX::LeavesQty(0));
    m.setField(FIX::CumQty(as_double(v->quantity)));
    m.setField(FIX::AvgPx(as_double(v->other_price)));
    m.setField(FIX::TransactTime(as_time(v->time_ns), 3));
}

static void put_quote(FIX::Message &m, const struct codec_values *v)
{
    m.setField(FIX::QuoteReqID(v->id));
    m.setField(FIX::QuoteID(v->other_id));
    m.setField(FIX::QuoteType(1));
    m.setField(FIX::Symbol(v->symbol));
    m.setField(FIX::SettlDate("20261124"));
    m.setField(FIX::Currency("EUR"));
    m.setField(FIX::Account(v->account));
    m.setField(FIX::BidPx(as_double(v->price)));
    m.setField(FIX::OfferPx(as_double(v->other_price)));
    m.setField(FIX::BidSize(as_double(v->quantity)));
    m.setField(FIX::OfferSize(as_double(v->quantity)));
    m.setField(FIX::ValidUntilTime(as_time(v->time_ns), 3));
    m.setField(FIX::TransactTime(as_time(v->time_ns), 3));
}

size_t quickfix_encode(struct quickfix_codec *q, const struct codec_values *v, char *out, size_t out_size)
{
    (void)q;
    FIX::Message m;
    FIX::Header &h = m.getHeader();
    h.setField(FIX::BeginString("FIX.4.4"));
    h.setField(FIX::MsgType(std::string(1, v->type)));
    h.setField(FIX::MsgSeqNum(static_cast<int>(v->seq)));
    h.setField(FIX::SenderCompID("LIQUIDITY1"));
    h.setField(FIX::SendingTime(as_time(v->time_ns), 3));
    h.setField(FIX::TargetCompID("RFQHOUSE"));
    if (v->type == 'D')
        put_order(m, v);
    else if (v->type == '8')
        put_execution(m, v);
    else
        put_quote(m, v);
    std::string text;
    m.toString(text);
    if (text.size() > out_size)
        return 0;
    std::memcpy(out, text.data(), text.size());
    return text.size();
}
}
