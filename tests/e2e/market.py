"""A small market on a real rfqd: two takers ask, four LPs of different manner answer; brought to its end, dumped,
verified and audited. What tests do to it meanwhile is theirs.
"""

import os
import signal

from appliance import CORES, Appliance, Failure, Sim, wait_until
from audit import FINAL_ORDER, FINAL_RFQ, audit

DEADLINE_MS = 1500
END_SECONDS = 120  # for all requests to come to their end
TABLES = ("lps", "takers", "sessions", "rfqs", "rfqs_ended", "orders", "orders_ended", "fills", "fills_ended", "quotes",
          "quotes_ended")

LPS = ("lp:name=LP1,ack=b,partial=60,exec_repeat=15,quote_repeat=10,quote_withdraw=8,seed=11",
       "lp:name=LP2,ack=i,reject=20,order_reject=15,requote=40,late_fill=10,spread=0.00018,seed=12",
       "lp:name=LP3,ack=-,silent=10,requote=30,valid_ms=300,partial=30,exec_repeat=10,quote_withdraw=5,spread=0.00016,seed=13",
       "lp:name=LP4,ack=b,order_reject=8,order_silent=3,late_fill=5,delay_us=1000,delay_max_us=4000,spread=0.00016,seed=14")
TAKERS = ("taker:name=T1,accept=x,quotes=3,collect_ms=20,two_way=20,withdraw=8,cancel=15,seed=21",
          "taker:name=T2,accept=x,quotes=4,collect_ms=50,two_way=10,pass=8,cancel=5,seed=22")


class Market:
    """load: RFQs a second, of both takers together. data: rfqd's directory, where it is not to be a plain one. There is a
    third taker, T3, for a test to be by hand."""

    def __init__(self, build, directory, load, level="committed", record="", data=None, small_rings=False,
                 cores=CORES):
        self.build, self.directory, self.load = build, directory, load
        self.journals = os.path.join(directory, "journals")
        self.dump = os.path.join(directory, "dump")
        os.makedirs(self.dump)
        os.makedirs(self.journals)
        # An RFQ is in memory while it lives and 1 s more; a restart must not take long only for what is not there.
        alive = max(4096, load * 8)
        self.rfqd = Appliance(build, directory, level=level, record=record, data=data, small_rings=small_rings,
                              takers=("T1", "T2", "T3"),
                              cores=cores,
                              settings=f"retire_after_ms: 1000, ack_timeout_ms: 700, order_ack_timeout_ms: 600, "
                                       f"order_cancel_retry_ms: 50, backup_deadline_ms: 1000, deadline_min_ms: 100, "
                                       f"rfqs_max: {alive}, deliveries_max: {alive * 5}, quotes_max: {alive * 8}, "
                                       f"orders_max: {alive * 2}, fills_max: {alive * 4}")
        self.lps = self.takers = None

    def close(self):
        for process in (self.takers, self.lps):
            if process:
                process.kill()
        self.rfqd.clean()

    def start_parties(self):
        self.lps = Sim(self.build, self.journals, self.rfqd, LPS, ("--linger",))
        rate = max(1, self.load // len(TAKERS))
        self.takers = Sim(self.build, self.journals, self.rfqd,
                          [f"{t},rate={rate},deadline_ms={DEADLINE_MS},patience_ms={END_SECONDS}000,start_ms=100" for t in TAKERS], ("--linger",))
        wait_until(lambda: self.sessions_up() == 6, 60, "six sessions")

    def sessions_up(self):
        return self.rfqd.ask("status")[0]["sessions_up"]

    def parties_live(self):
        for process in (self.takers, self.lps):
            if not process.running():
                raise Failure(f"rfqsim ended: {process.said()}")

    def settled(self):
        self.parties_live()
        states = self.rfqd.ask("status")[0]["rfqs"]
        if any(state not in FINAL_RFQ for state in states):
            return False
        return all(o["state"] in FINAL_ORDER for o in self.rfqd.ask("orders"))

    def bring_to_end(self):
        """Takers ask no more and see all they asked to its end; then nothing is under way anywhere."""
        self.takers.signal(signal.SIGUSR1)
        self.takers.wait_line("takers are done", END_SECONDS + 30)
        wait_until(self.settled, END_SECONDS, "each RFQ's and each order's end")
        self.rfqd.stop()
        self.takers.signal(signal.SIGTERM)
        self.lps.signal(signal.SIGTERM)
        code, takers = self.takers.finish(20)
        lp_code, lps = self.lps.finish(20)
        if code or lp_code:
            raise Failure(f"a party is not content: {takers + lps}; rfqsim: {self.takers.said()} / {self.lps.said()}")
        return takers, lps

    def take_dump(self):
        """From a start after the clean stop, which has nothing to replay."""
        r = self.rfqd.start()
        if r["frames"] or r["batches"] or r["redelivered"]:
            raise Failure(f"after a clean stop there is something to recover: {r}")
        wait_until(self.at_rest, 30, "everything ended to leave memory, and the store to have it")
        for table in TABLES:
            with open(os.path.join(self.dump, table + ".json"), "w") as f:
                try:
                    self.rfqd.ask(f"dump {table}", 600, f.write)
                except Failure as failure:  # tables are made with their first row
                    if "there is no table" not in str(failure):
                        raise
        self.verify()
        self.rfqd.stop()

    def at_rest(self):
        """Nothing moves between the tables while they are dumped one after the other."""
        status = self.rfqd.ask("status")[0]
        return not status["rfqs"] and not status["orders"] and status["checkpoint_lag_bytes"] == 0

    def verify(self):
        answer = self.rfqd.ask("verify", 600)
        report = answer[-1]
        if not report["equal"] or not report["from_start"]:
            raise Failure(f"verify: {answer[:5]}")
        return report

    def audit(self):
        return audit(self.journals, self.dump)
