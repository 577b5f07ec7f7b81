// One FIX session of a taker or an LP, on QuickFIX: a counterparty that shares no code with the appliance.
//
//   quickfix_party role=taker|lp name=COMPID connect=PORT|listen=PORT store=DIR dictionary=FILE
//   start=HH:MM:SS
//                  [peer=RFQD] [heartbeat=S] [reset=Y]
//
// It connects to 127.0.0.1:PORT (initiator) or is connected to (acceptor). Sequence numbers and sent messages
// are kept in QuickFIX's FileStore, so that a second start with the same store goes on where the first one
// was, whatever ended it. QuickFIX checks each message against the dictionary: what it refuses shows as an
// outgoing Reject (35=3) or BusinessMessageReject (35=j). start= is the time of day at which the store's
// session begins; QuickFIX resets a store from an earlier session, so it is chosen far from now.
//
// Commands are lines on stdin (see the tables `taker_commands`, `lp_commands`, `session_commands`); a message
// sent while nobody is logged on gets its number and is kept for the resend. What happens is a line each on
// stdout, with | for SOH:
//
//   wire-in MESSAGE, wire-out MESSAGE   as the bytes were, before any judgement
//   got MESSAGE                         application messages that QuickFIX took, in order, once each
//   seen TYPE name=value…               the same, read through QuickFIX's typed message classes
//   logon, logout, event TEXT, numbers OUT IN, error TEXT, ready, stopped
//
// Exit: 0 after `quit` or the end of stdin, 2 for a wrong call.
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/Log.h>
#include <quickfix/MessageCracker.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/SocketInitiator.h>
#include <quickfix/fix44/ExecutionReport.h>
#include <quickfix/fix44/NewOrderSingle.h>
#include <quickfix/fix44/OrderCancelReject.h>
#include <quickfix/fix44/OrderCancelRequest.h>
#include <quickfix/fix44/OrderStatusRequest.h>
#include <quickfix/fix44/Quote.h>
#include <quickfix/fix44/QuoteCancel.h>
#include <quickfix/fix44/QuoteRequest.h>
#include <quickfix/fix44/QuoteRequestReject.h>
#include <quickfix/fix44/QuoteResponse.h>
#include <quickfix/fix44/QuoteStatusReport.h>
#include <quickfix/fix44/ResendRequest.h>
#include <quickfix/fix44/TestRequest.h>

namespace
{

// Lines
// ----------------------------------------------------------------------------------------------------------------------

void say(const std::string &kind, const std::string &text)
{
    static std::mutex mutex;
    std::string line = kind;
    if (!text.empty())
        line += ' ';
    for (char c : text)
        line += c == '\001' ? '|' : c == '\n' ? ' ' : c;
    line += '\n';
    std::lock_guard<std::mutex> lock(mutex);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

struct Lines : FIX::Log {
    void clear() override
    {
    }
    void backup() override
    {
    }
    void onIncoming(const std::string &m) override
    {
        say("wire-in", m);
    }
    void onOutgoing(const std::string &m) override
    {
        say("wire-out", m);
    }
    void onEvent(const std::string &text) override
    {
        say("event", text);
    }
};

struct LineFactory : FIX::LogFactory {
    FIX::Log *create() override
    {
        return new Lines;
    }
    FIX::Log *create(const FIX::SessionID &) override
    {
        return new Lines;
    }
    void destroy(FIX::Log *log) override
    {
        delete log;
    }
};

// What arrives
// ----------------------------------------------------------------------------------------------------------------------

// A line of fields that the class of the message, or of its group, declares: another does not compile.
class Seen
{
  public:
    explicit Seen(const char *type)
    {
        line_ << type;
    }
    ~Seen()
    {
        say("seen", line_.str());
    }
    template <class Field, class From> Seen &put(const From &from, const char *name)
    {
        Field field;
        if (from.isSet(field))
            line_ << ' ' << name << '=' << from.get(field).getString();
        return *this;
    }

  private:
    std::ostringstream line_;
};

class Party : public FIX::Application, public FIX::MessageCracker
{
  public:
    void onCreate(const FIX::SessionID &) override
    {
    }
    void onLogon(const FIX::SessionID &) override
    {
        say("logon", "");
    }
    void onLogout(const FIX::SessionID &) override
    {
        say("logout", "");
    }
    void toAdmin(FIX::Message &, const FIX::SessionID &) override
    {
    }
    void toApp(FIX::Message &, const FIX::SessionID &) throw(FIX::DoNotSend) override
    {
    }
    void fromAdmin(const FIX::Message &,
                   const FIX::SessionID &) throw(FIX::FieldNotFound, FIX::IncorrectDataFormat,
                                                 FIX::IncorrectTagValue, FIX::RejectLogon) override
    {
    }
    void fromApp(const FIX::Message &message,
                 const FIX::SessionID &id) throw(FIX::FieldNotFound, FIX::IncorrectDataFormat,
                                                 FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override
    {
        say("got", message.toString());
        crack(message, id);
    }

    void onMessage(const FIX44::ExecutionReport &m, const FIX::SessionID &) override
    {
        Seen("8")
            .put<FIX::ClOrdID>(m, "ClOrdID")
            .put<FIX::OrigClOrdID>(m, "OrigClOrdID")
            .put<FIX::OrderID>(m, "OrderID")
            .put<FIX::ExecID>(m, "ExecID")
            .put<FIX::ExecType>(m, "ExecType")
            .put<FIX::OrdStatus>(m, "OrdStatus")
            .put<FIX::OrdRejReason>(m, "OrdRejReason")
            .put<FIX::Symbol>(m, "Symbol")
            .put<FIX::Side>(m, "Side")
            .put<FIX::OrderQty>(m, "OrderQty")
            .put<FIX::Price>(m, "Price")
            .put<FIX::LastQty>(m, "LastQty")
            .put<FIX::LastPx>(m, "LastPx")
            .put<FIX::LeavesQty>(m, "LeavesQty")
            .put<FIX::CumQty>(m, "CumQty")
            .put<FIX::AvgPx>(m, "AvgPx")
            .put<FIX::TransactTime>(m, "TransactTime");
    }
    void onMessage(const FIX44::Quote &m, const FIX::SessionID &) override
    {
        Seen("S")
            .put<FIX::QuoteReqID>(m, "QuoteReqID")
            .put<FIX::QuoteID>(m, "QuoteID")
            .put<FIX::QuoteType>(m, "QuoteType")
            .put<FIX::Symbol>(m, "Symbol")
            .put<FIX::BidPx>(m, "BidPx")
            .put<FIX::OfferPx>(m, "OfferPx")
            .put<FIX::BidSize>(m, "BidSize")
            .put<FIX::OfferSize>(m, "OfferSize")
            .put<FIX::ValidUntilTime>(m, "ValidUntilTime");
    }
    void onMessage(const FIX44::QuoteRequest &m, const FIX::SessionID &) override
    {
        FIX44::QuoteRequest::NoRelatedSym leg;
        m.getGroup(1, leg);
        Seen("R")
            .put<FIX::QuoteReqID>(m, "QuoteReqID")
            .put<FIX::NoRelatedSym>(m, "NoRelatedSym")
            .put<FIX::Symbol>(leg, "Symbol")
            .put<FIX::Side>(leg, "Side")
            .put<FIX::OrderQty>(leg, "OrderQty")
            .put<FIX::QuoteType>(leg, "QuoteType")
            .put<FIX::ExpireTime>(leg, "ExpireTime");
    }
    void onMessage(const FIX44::QuoteResponse &m, const FIX::SessionID &) override
    {
        Seen("AJ")
            .put<FIX::QuoteRespID>(m, "QuoteRespID")
            .put<FIX::QuoteID>(m, "QuoteID")
            .put<FIX::QuoteRespType>(m, "QuoteRespType")
            .put<FIX::Symbol>(m, "Symbol");
    }
    void onMessage(const FIX44::QuoteRequestReject &m, const FIX::SessionID &) override
    {
        FIX44::QuoteRequestReject::NoRelatedSym leg;
        m.getGroup(1, leg);
        Seen("AG")
            .put<FIX::QuoteReqID>(m, "QuoteReqID")
            .put<FIX::QuoteRequestRejectReason>(m, "QuoteRequestRejectReason")
            .put<FIX::Symbol>(leg, "Symbol")
            .put<FIX::Text>(m, "Text");
    }
    void onMessage(const FIX44::QuoteStatusReport &m, const FIX::SessionID &) override
    {
        Seen("AI")
            .put<FIX::QuoteReqID>(m, "QuoteReqID")
            .put<FIX::QuoteID>(m, "QuoteID")
            .put<FIX::QuoteRespID>(m, "QuoteRespID")
            .put<FIX::QuoteStatus>(m, "QuoteStatus")
            .put<FIX::Text>(m, "Text");
    }
    void onMessage(const FIX44::QuoteCancel &m, const FIX::SessionID &) override
    {
        Seen("Z")
            .put<FIX::QuoteReqID>(m, "QuoteReqID")
            .put<FIX::QuoteID>(m, "QuoteID")
            .put<FIX::QuoteCancelType>(m, "QuoteCancelType");
    }
    void onMessage(const FIX44::NewOrderSingle &m, const FIX::SessionID &) override
    {
        Seen("D")
            .put<FIX::ClOrdID>(m, "ClOrdID")
            .put<FIX::QuoteID>(m, "QuoteID")
            .put<FIX::Symbol>(m, "Symbol")
            .put<FIX::Side>(m, "Side")
            .put<FIX::OrderQty>(m, "OrderQty")
            .put<FIX::Price>(m, "Price")
            .put<FIX::OrdType>(m, "OrdType")
            .put<FIX::TimeInForce>(m, "TimeInForce");
    }
    void onMessage(const FIX44::OrderCancelRequest &m, const FIX::SessionID &) override
    {
        Seen("F")
            .put<FIX::ClOrdID>(m, "ClOrdID")
            .put<FIX::OrigClOrdID>(m, "OrigClOrdID")
            .put<FIX::OrderID>(m, "OrderID")
            .put<FIX::Symbol>(m, "Symbol")
            .put<FIX::Side>(m, "Side");
    }
    void onMessage(const FIX44::OrderStatusRequest &m, const FIX::SessionID &) override
    {
        Seen("H").put<FIX::ClOrdID>(m, "ClOrdID").put<FIX::Symbol>(m, "Symbol").put<FIX::Side>(m, "Side");
    }
    void onMessage(const FIX44::OrderCancelReject &m, const FIX::SessionID &) override
    {
        Seen("9")
            .put<FIX::ClOrdID>(m, "ClOrdID")
            .put<FIX::OrigClOrdID>(m, "OrigClOrdID")
            .put<FIX::OrdStatus>(m, "OrdStatus")
            .put<FIX::CxlRejReason>(m, "CxlRejReason");
    }
};

// What is sent
// ----------------------------------------------------------------------------------------------------------------------

// A command's words behind its name; a missing or wrong one is an exception, and that an `error` line.
class Words
{
  public:
    explicit Words(const std::string &line) : in_(line)
    {
    }
    std::string word()
    {
        std::string w;
        if (!(in_ >> w))
            throw std::runtime_error("a word is missing");
        return w;
    }
    double number()
    {
        return std::stod(word());
    }
    int whole()
    {
        return std::stoi(word());
    }
    char letter()
    {
        return word().at(0);
    }
    // Seconds from now.
    FIX::UtcTimeStamp time()
    {
        FIX::UtcTimeStamp t;
        t += whole();
        return t;
    }

  private:
    std::istringstream in_;
};

struct Command {
    const char *words; // for the error text
    std::function<void(Words &, const FIX::SessionID &)> run;
};
using Commands = std::map<std::string, Command>;

void send(FIX::Message &message, const FIX::SessionID &id)
{
    FIX::Session::sendToTarget(message, id);
}

const Commands taker_commands = {
    {"request",
     {"ID SYMBOL SIDE|- QUANTITY DEADLINE_S",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::QuoteRequest m(FIX::QuoteReqID(w.word()));
          FIX44::QuoteRequest::NoRelatedSym leg;
          leg.set(FIX::Symbol(w.word()));
          char side = w.letter();
          if (side != '-') // two-way leaves it out
              leg.set(FIX::Side(side));
          leg.set(FIX::OrderQty(w.number()));
          leg.set(FIX::ExpireTime(w.time(), 3));
          m.addGroup(leg);
          send(m, id);
      }}},
    {"accept",
     {"RESPONSE QUOTE CLORDID SYMBOL SIDE QUANTITY PRICE",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::QuoteResponse m(FIX::QuoteRespID(w.word()), FIX::QuoteRespType(FIX::QuoteRespType_HIT_LIFT));
          m.set(FIX::QuoteID(w.word()));
          m.set(FIX::ClOrdID(w.word()));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::Side(w.letter()));
          m.set(FIX::OrderQty(w.number()));
          m.set(FIX::Price(w.number()));
          m.set(FIX::TransactTime());
          send(m, id);
      }}},
    {"order",
     {"CLORDID QUOTE SYMBOL SIDE QUANTITY PRICE",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::NewOrderSingle m;
          m.set(FIX::ClOrdID(w.word()));
          m.set(FIX::QuoteID(w.word()));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::Side(w.letter()));
          m.set(FIX::OrderQty(w.number()));
          m.set(FIX::Price(w.number()));
          m.set(FIX::OrdType(FIX::OrdType_PREVIOUSLY_QUOTED));
          m.set(FIX::TransactTime());
          send(m, id);
      }}},
    {"withdraw",
     {"REQUEST SYMBOL",
      [](Words &w, const FIX::SessionID &id) {
          std::string request = w.word();
          FIX44::QuoteCancel m;
          m.set(FIX::QuoteID(request));
          m.set(FIX::QuoteCancelType(FIX::QuoteCancelType_CANCEL_ALL_QUOTES));
          m.set(FIX::QuoteReqID(request));
          FIX44::QuoteCancel::NoQuoteEntries entry;
          entry.set(FIX::Symbol(w.word()));
          m.addGroup(entry);
          send(m, id);
      }}},
    {"cancel",
     {"CLORDID ORIGINAL SYMBOL SIDE QUANTITY",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::OrderCancelRequest m;
          m.set(FIX::ClOrdID(w.word()));
          m.set(FIX::OrigClOrdID(w.word()));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::Side(w.letter()));
          m.set(FIX::OrderQty(w.number()));
          m.set(FIX::TransactTime());
          send(m, id);
      }}},
};

const Commands lp_commands = {
    {"quote",
     {"REQUEST QUOTE SYMBOL BID ASK SIZE VALID_S",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::Quote m;
          m.set(FIX::QuoteReqID(w.word()));
          m.set(FIX::QuoteID(w.word()));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::BidPx(w.number()));
          m.set(FIX::OfferPx(w.number()));
          double size = w.number();
          m.set(FIX::BidSize(size));
          m.set(FIX::OfferSize(size));
          m.set(FIX::ValidUntilTime(w.time(), 3));
          m.set(FIX::QuoteType(FIX::QuoteType_TRADEABLE));
          send(m, id);
      }}},
    {"status",
     {"REQUEST SYMBOL STATUS",
      [](Words &w, const FIX::SessionID &id) {
          std::string request = w.word();
          FIX44::QuoteStatusReport m;
          m.set(FIX::QuoteReqID(request));
          m.set(FIX::QuoteID(request));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::QuoteStatus(w.whole()));
          send(m, id);
      }}},
    {"withdraw",
     {"REQUEST QUOTE SYMBOL",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::QuoteCancel m;
          m.set(FIX::QuoteReqID(w.word()));
          m.set(FIX::QuoteID(w.word()));
          m.set(FIX::QuoteCancelType(FIX::QuoteCancelType_CANCEL_FOR_SYMBOL));
          FIX44::QuoteCancel::NoQuoteEntries entry;
          entry.set(FIX::Symbol(w.word()));
          m.addGroup(entry);
          send(m, id);
      }}},
    {"refuse",
     {"REQUEST SYMBOL REASON",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::QuoteRequestReject m;
          m.set(FIX::QuoteReqID(w.word()));
          FIX44::QuoteRequestReject::NoRelatedSym leg;
          leg.set(FIX::Symbol(w.word()));
          m.addGroup(leg);
          m.set(FIX::QuoteRequestRejectReason(w.whole()));
          send(m, id);
      }}},
    {"report",
     {"CLORDID ORIGINAL|- ORDER EXEC EXECTYPE ORDSTATUS SYMBOL SIDE QUANTITY LAST|- PRICE|- CUM LEAVES "
      "AVERAGE",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::ExecutionReport m;
          m.set(FIX::ClOrdID(w.word()));
          std::string original = w.word();
          if (original != "-")
              m.set(FIX::OrigClOrdID(original));
          m.set(FIX::OrderID(w.word()));
          m.set(FIX::ExecID(w.word()));
          m.set(FIX::ExecType(w.letter()));
          m.set(FIX::OrdStatus(w.letter()));
          m.set(FIX::Symbol(w.word()));
          m.set(FIX::Side(w.letter()));
          m.set(FIX::OrderQty(w.number()));
          std::string last = w.word(), price = w.word();
          if (last != "-") {
              m.set(FIX::LastQty(std::stod(last)));
              m.set(FIX::LastPx(std::stod(price)));
          }
          m.set(FIX::CumQty(w.number()));
          m.set(FIX::LeavesQty(w.number()));
          m.set(FIX::AvgPx(w.number()));
          m.set(FIX::TransactTime());
          send(m, id);
      }}},
};

const Commands session_commands = {
    {"test",
     {"ID",
      [](Words &w, const FIX::SessionID &id) {
          FIX44::TestRequest m(FIX::TestReqID(w.word()));
          send(m, id);
      }}},
    {"resend",
     {"FROM TO",
      [](Words &w, const FIX::SessionID &id) {
          FIX::BeginSeqNo from(w.whole());
          FIX44::ResendRequest m(from, FIX::EndSeqNo(w.whole()));
          send(m, id);
      }}},
    {"numbers",
     {"",
      [](Words &, const FIX::SessionID &id) {
          FIX::Session *s = FIX::Session::lookupSession(id);
          say("numbers",
              std::to_string(s->getExpectedSenderNum()) + ' ' + std::to_string(s->getExpectedTargetNum()));
      }}},
    {"logout", {"", [](Words &, const FIX::SessionID &id) { FIX::Session::lookupSession(id)->logout(); }}},
    {"logon", {"", [](Words &, const FIX::SessionID &id) { FIX::Session::lookupSession(id)->logon(); }}},
};

void obey(const std::string &line, const Commands &own, const FIX::SessionID &id)
{
    Words words(line);
    std::string name = words.word();
    for (const Commands *commands : {&own, &session_commands}) {
        auto found = commands->find(name);
        if (found == commands->end())
            continue;
        try {
            found->second.run(words, id);
        } catch (const std::exception &e) {
            say("error", line + ": " + e.what() + "; usage: " + name + ' ' + found->second.words);
        }
        return;
    }
    say("error", "there is no command " + name);
}

// Start
// ----------------------------------------------------------------------------------------------------------------------

using Options = std::map<std::string, std::string>;

FIX::SessionSettings settings_of(const Options &o)
{
    auto get = [&o](const char *name, const char *fallback) {
        auto found = o.find(name);
        if (found == o.end() && !fallback)
            throw std::runtime_error(std::string(name) + "= is missing");
        return found == o.end() ? std::string(fallback) : found->second;
    };
    bool connects = o.count("connect") != 0;
    std::ostringstream s;
    s << "[DEFAULT]\nConnectionType=" << (connects ? "initiator" : "acceptor")
      << "\nReconnectInterval=1\nLogonTimeout=5\nLogoutTimeout=2\nSocketNodelay=Y\nSocketReuseAddress=Y\n"
      << "FileStorePath=" << get("store", nullptr) << "\nUseDataDictionary=Y\n"
      << "StartTime=" << get("start", nullptr) << "\nEndTime=" << get("start", nullptr)
      << "\n[SESSION]\nBeginString=FIX.4.4\nSenderCompID=" << get("name", nullptr)
      << "\nTargetCompID=" << get("peer", "RFQD") << "\nDataDictionary=" << get("dictionary", nullptr)
      << "\nResetOnLogon=" << get("reset", "N") << "\n";
    if (connects)
        s << "HeartBtInt=" << get("heartbeat", "10")
          << "\nSocketConnectHost=127.0.0.1\nSocketConnectPort=" << get("connect", nullptr) << "\n";
    else
        s << "SocketAcceptPort=" << get("listen", nullptr) << "\n";
    std::istringstream in(s.str());
    return FIX::SessionSettings(in);
}

template <class Transport> void trade(const FIX::SessionSettings &settings, const Commands &own)
{
    Party party;
    FIX::FileStoreFactory store(settings);
    LineFactory lines;
    Transport transport(party, store, settings, lines);
    FIX::SessionID id = *settings.getSessions().begin();
    transport.start();
    say("ready", "");
    std::string line;
    while (std::getline(std::cin, line) && line != "quit")
        obey(line, own, id);
    transport.stop();
    say("stopped", "");
}

} // namespace

int main(int argc, char **argv)
{
    try {
        Options options;
        for (int i = 1; i < argc; i++) {
            std::string text = argv[i];
            size_t at = text.find('=');
            if (at == std::string::npos)
                throw std::runtime_error(text + " is not of the form name=value");
            options[text.substr(0, at)] = text.substr(at + 1);
        }
        std::string role = options["role"];
        if (role != "taker" && role != "lp")
            throw std::runtime_error("role= is taker or lp");
        const Commands &own = role == "lp" ? lp_commands : taker_commands;
        FIX::SessionSettings settings = settings_of(options);
        if (options.count("connect"))
            trade<FIX::SocketInitiator>(settings, own);
        else
            trade<FIX::SocketAcceptor>(settings, own);
        return 0;
    } catch (const std::exception &e) {
        std::cerr << "quickfix_party: " << e.what() << '\n';
        return 2;
    }
}
