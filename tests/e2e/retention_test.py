#!/usr/bin/env python3
"""What left memory longer ago than `retention_s` is forgotten, whole, and nothing else is; verify agrees at any time.

    retention_test.py BUILD
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Failure, Scratch, wait_until  # noqa: E402
from market import Market  # noqa: E402

RETENTION_S = 1


def expect(condition, what):
    if not condition:
        raise Failure(what)


def rfqs_of(rfqd, table):
    return {row["rfq"] if "rfq" in row else row["id"] for row in rfqd.ask(f"dump {table}")}


def forgotten(rfqd):
    return rfqd.counters()["rfqd_replica_forgotten_total"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with Scratch("retention") as directory:
            market = Market(sys.argv[1], directory, 60, record=f", retention_s: {RETENTION_S}")
            rfqd = market.rfqd
            try:
                rfqd.start()
                market.start_parties()
                wait_until(lambda: rfqd.ask("rfqs"), 20, "RFQs")
                first = rfqd.ask("rfqs")[0]["rfq"]
                expect(rfqd.ask(f"rfq {first}"), "its timeline")
                for amount in (50, 150):
                    wait_until(lambda: forgotten(rfqd) > amount, 60, f"{amount} RFQs to be forgotten")
                    expect(market.verify()["rows"] > 0, "timelines that are left were compared")
                wait_until(lambda: rfqs_of(rfqd, "rfqs_ended"), 20, "what left memory only now to be there")
                wait_until(lambda: first not in rfqs_of(rfqd, "history"), 60, "the first RFQ's timeline to be gone")
                for table in ("rfqs", "deliveries", "quotes", "orders", "fills"):
                    expect(first not in rfqs_of(rfqd, table + "_ended"), f"{first} is gone from {table}_ended")
                market.bring_to_end()
                rfqd.start()
                market.verify()
            finally:
                market.close()
    except Failure as failure:
        sys.exit(f"retention: {failure}")


main()
