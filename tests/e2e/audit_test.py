#!/usr/bin/env python3
"""The auditor itself: a story that fits passes; each way in which one can be wrong is complained about."""

import copy
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audit import audit  # noqa: E402

RFQ = {"id": "R1", "taker": 1, "request_id": "T1-0", "symbol": "EURUSD", "side": "buy", "quantity": "1000",
       "state": "COMPLETED", "filled_quantity": "1000"}
ORDER = {"id": "O1", "rfq": "R1", "taker": 1, "taker_session": 0, "lp": 1, "released_ns": 100, "updated_ns": 200,
         "quantity": "1000", "price": "1.1", "filled_quantity": "1000", "state": "filled", "cl_ord_id": "C-T1-0",
         "lp_quote_id": "LP1-1"}
FILLS = [{"id": 1, "order": "O1", "rfq": "R1", "quantity": "400", "price": "1.1", "exec_id": "LP1-E2"},
         {"id": 2, "order": "O1", "rfq": "R1", "quantity": "600", "price": "1.1", "exec_id": "LP1-E3"}]
QUOTE = {"id": "Q1", "rfq": "R1", "lp": 1, "lp_quote_id": "LP1-1", "bid": "0", "ask": "1.1"}
LP = {"id": 1, "code": "LP1", "quotes": 1, "quotes_refused": 0}
TAKER = {"id": 1, "code": "T1", "session": 0}


def execution(number, order_id, cl_ord_id, exec_id, kind, status, last, cum, more=""):
    fill = f"|32={last}|31=1.1" if kind == "F" else ""
    return (number, f"35=8|34={number}|37={order_id}|11={cl_ord_id}|17={exec_id}|150={kind}|39={status}|55=EURUSD|54=1"
                    f"|38=1000{fill}|14={cum}{more}")


def story():
    """One request from its question to its fills, as three parties tell it."""
    taker = [("O", 1, "35=A|34=1|98=0|108=10"), ("I", 1, "35=A|34=1|98=0|108=10"),
             ("O", 2, "35=R|34=2|131=T1-0|146=1|55=EURUSD|54=1|38=1000"),
             ("I", 2, "35=S|34=2|131=T1-0|117=Q1|55=EURUSD|54=1|133=1.1|135=1000"),
             ("O", 3, "35=AJ|34=3|693=C-T1-0|117=Q1|694=1|11=C-T1-0|55=EURUSD|54=1|38=1000|44=1.1"),
             ("I", *execution(3, "O1", "C-T1-0", "O1-1", "0", "0", 0, 0)),
             ("I", *execution(4, "O1", "C-T1-0", "O1-2", "F", "1", 400, 400)),
             ("I", *execution(5, "O1", "C-T1-0", "O1-3", "F", "2", 600, 1000))]
    lp = [("O", 1, "35=A|34=1|98=0|108=10"), ("I", 1, "35=A|34=1|98=0|108=10"),
          ("I", 2, "35=R|34=2|131=R1|146=1|55=EURUSD|54=1|38=1000"),
          ("O", 2, "35=S|34=2|131=R1|117=LP1-1|55=EURUSD|133=1.1|135=1000"),
          ("I", 3, "35=D|34=3|11=O1|55=EURUSD|54=1|38=1000|40=D|44=1.1|117=LP1-1"),
          ("O", *execution(3, "LP1-O1", "O1", "LP1-E1", "0", "0", 0, 0)),
          ("O", *execution(4, "LP1-O1", "O1", "LP1-E2", "F", "1", 400, 400)),
          ("O", *execution(5, "LP1-O1", "O1", "LP1-E3", "F", "2", 600, 1000))]
    return {"T1": taker, "LP1": lp}, copy.deepcopy({
        "rfqs_ended": [RFQ], "orders_ended": [ORDER], "fills_ended": FILLS, "quotes_ended": [QUOTE], "lps": [LP],
        "takers": [TAKER], "sessions": [{"name": "T1", "next_in": 4, "next_out": 6},
                                        {"name": "LP1", "next_in": 6, "next_out": 4}]})


def complaints(journals, dump):
    with tempfile.TemporaryDirectory() as directory:
        for name, lines in journals.items():
            with open(os.path.join(directory, name + ".journal"), "w") as f:
                for at, (kind, number, text) in enumerate(lines):
                    f.write(f"{1000 + at} {kind} {number} 8=FIX.4.4|9=100|{text}|10=000|\n")
        for table, rows in dump.items():
            with open(os.path.join(directory, table + ".json"), "w") as f:
                f.writelines(json.dumps(row) + "\n" for row in rows)
        return audit(directory, directory).complaints


def renumber(lines):
    """Numbers without a gap, after lines were taken out or put in."""
    next_number = {"I": 1, "O": 1}
    out = []
    for kind, _, text in lines:
        number = next_number[kind]
        next_number[kind] += 1
        parts = text.split("|")
        out.append((kind, number, "|".join([parts[0], f"34={number}", *parts[2:]])))
    return out


class Auditor(unittest.TestCase):
    def setUp(self):
        self.journals, self.dump = story()

    def numbers_follow(self):
        """The sessions agree about numbers, so that only the change itself can be complained about."""
        for name, lines in self.journals.items():
            self.journals[name] = renumber(lines)
        for row in self.dump["sessions"]:
            lines = self.journals[row["name"]]
            row["next_in"] = 1 + sum(kind == "O" for kind, _, _ in lines)
            row["next_out"] = 1 + sum(kind == "I" for kind, _, _ in lines)

    def complains(self, *words):
        self.numbers_follow()
        said = complaints(self.journals, self.dump)
        self.assertTrue(any(all(w in text for w in words) for text in said), f"nothing about {words} in {said}")

    def change(self, party, at, old, new):
        kind, number, text = self.journals[party][at]
        self.assertIn(old, text)
        self.journals[party][at] = (kind, number, text.replace(old, new))

    def test_a_story_that_fits(self):
        self.assertEqual(complaints(self.journals, self.dump), [])
        self.numbers_follow()
        self.assertEqual(complaints(self.journals, self.dump), [])

    # Fills

    def test_a_fill_lost_on_the_way_to_the_taker(self):
        del self.journals["T1"][6]
        self.complains("O1", "at T1")

    def test_a_fill_told_to_the_taker_twice(self):
        self.journals["T1"].insert(7, ("I", *execution(5, "O1", "C-T1-0", "O1-4", "F", "1", 400, 400)))
        self.complains("O1", "at T1")

    def test_an_execution_id_used_twice(self):
        self.change("T1", 7, "17=O1-3", "17=O1-2")
        self.complains("O1-2", "reported twice")

    def test_a_fill_of_altered_quantity_at_the_taker(self):
        self.change("T1", 6, "32=400", "32=401")
        self.complains("O1", "401")

    def test_a_fill_of_altered_price_at_the_taker(self):
        self.change("T1", 6, "31=1.1", "31=1.11")
        self.complains("O1", "1.11")

    def test_a_fill_that_is_not_in_the_dump(self):
        del self.dump["fills_ended"][0]
        self.complains("LP1-E2", "not in the dump")

    def test_a_fill_that_is_in_the_dump_twice(self):
        self.dump["fills_ended"].append({**self.dump["fills_ended"][0], "id": 3})
        self.complains("LP1-E2", "booked twice")

    def test_a_fill_altered_in_the_dump(self):
        self.dump["fills_ended"][0]["quantity"] = "300"
        self.complains("LP1-E2", "booked as")

    def test_a_fill_that_no_lp_sent(self):
        self.dump["fills_ended"].append({**self.dump["fills_ended"][0], "id": 3, "exec_id": "LP1-E9"})
        self.complains("LP1-E9", "never sent")

    def test_an_order_filled_beyond_its_quantity(self):
        self.dump["orders_ended"][0]["filled_quantity"] = "1400"
        self.complains("O1", "beyond")

    def test_amounts_are_equal_by_value(self):
        self.dump["fills_ended"][0]["quantity"] = "400.00"
        self.change("LP1", 6, "32=400", "32=0400.0")
        self.assertEqual(complaints(self.journals, self.dump), [])

    def test_an_execution_said_again_counts_once(self):
        self.journals["LP1"].append(("O", *execution(6, "LP1-O1", "O1", "LP1-E2", "F", "1", 400, 400, "|97=Y")))
        self.journals["LP1"].append(("O", *execution(7, "LP1-O1", "O1", "LP1-E1", "0", "0", 0, 0)))
        self.numbers_follow()
        self.assertEqual(complaints(self.journals, self.dump), [])

    def test_an_execution_said_again_and_told_to_the_taker_again(self):
        self.journals["LP1"].append(("O", *execution(6, "LP1-O1", "O1", "LP1-E2", "F", "1", 400, 400)))
        self.journals["T1"].insert(7, ("I", *execution(5, "O1", "C-T1-0", "O1-4", "F", "1", 400, 400)))
        self.complains("O1", "at T1")

    def test_an_execution_said_again_altered(self):
        self.journals["LP1"].append(("O", *execution(6, "LP1-O1", "O1", "LP1-E2", "F", "1", 401, 401)))
        self.complains("LP1-E2", "altered")

    # Orders

    def test_an_order_that_comes_twice_as_new(self):
        self.journals["LP1"].insert(5, ("I", 4, self.journals["LP1"][4][2]))
        self.complains("O1", "twice as new")

    def test_an_order_may_come_again_as_possible_duplicate(self):
        self.journals["LP1"].insert(5, ("I", 4, self.journals["LP1"][4][2] + "|43=Y"))
        self.numbers_follow()
        self.assertEqual(complaints(self.journals, self.dump), [])

    def test_an_order_that_comes_again_as_possible_resend(self):
        self.journals["LP1"].insert(5, ("I", 4, self.journals["LP1"][4][2] + "|97=Y"))
        self.numbers_follow()
        self.complains("O1", "twice as new")

    def test_an_order_that_only_the_lp_knows(self):
        self.change("LP1", 4, "11=O1", "11=O7")
        self.complains("O7", "does not know")

    def test_an_order_altered_on_its_way(self):
        self.change("LP1", 4, "44=1.1", "44=1.2")
        self.complains("O1", "altered")

    def test_an_order_in_another_state_at_the_lp(self):
        self.change("LP1", 7, "39=2", "39=4")
        self.complains("O1", "for LP1 in OrdStatus 4")

    def test_an_order_in_another_state_at_the_taker(self):
        self.change("T1", 7, "39=2", "39=1")
        self.complains("O1", "for T1 in OrdStatus 1")

    def test_an_order_without_an_end(self):
        self.dump["orders_ended"][0]["state"] = "working"
        self.complains("O1", "no end")

    def test_two_awards_at_a_time(self):
        self.dump["orders_ended"].append({**self.dump["orders_ended"][0], "id": "O2", "released_ns": 150,
                                          "state": "cancelled", "filled_quantity": "0", "cl_ord_id": "C-T1-1"})
        self.complains("R1", "two awards")

    # Requests

    def test_a_request_that_is_lost(self):
        self.dump["rfqs_ended"] = []
        self.complains("T1-0", "lost")

    def test_a_request_that_became_two(self):
        self.dump["rfqs_ended"].append({**self.dump["rfqs_ended"][0], "id": "R2"})
        self.complains("T1-0", "two RFQs")

    def test_a_request_that_nobody_asked(self):
        self.dump["rfqs_ended"].append({**self.dump["rfqs_ended"][0], "id": "R2", "request_id": "T1-1"})
        self.complains("T1-1", "never asked")

    def test_an_rfq_that_is_alive_and_ended(self):
        self.dump["rfqs"] = self.dump["rfqs_ended"]
        self.complains("R1", "twice")

    def test_an_rfq_without_an_end(self):
        self.dump["rfqs_ended"][0]["state"] = "AWARDED"
        self.complains("R1", "no end")

    def test_an_end_that_the_taker_was_not_told(self):
        self.dump["rfqs_ended"][0].update(state="EXPIRED", filled_quantity="0")
        self.complains("R1", "EXPIRED", "told nothing")

    def test_an_end_told_twice(self):
        self.journals["T1"].append(("I", 6, "35=AI|34=6|131=T1-0|117=T1-0|297=7"))
        self.complains("R1", "told", "AI7")

    def test_an_rfq_filled_for_another_amount(self):
        self.dump["rfqs_ended"][0]["filled_quantity"] = "900"
        self.complains("R1", "900")

    # Quotes and acceptances

    def test_a_quote_that_is_lost(self):
        self.dump["quotes_ended"] = [{**QUOTE, "id": "Q2", "lp_quote_id": "LP1-2"}]
        self.complains("LP1", "quotes")

    def test_a_quote_altered_on_its_way_to_the_taker(self):
        self.change("T1", 3, "133=1.1", "133=1.2")
        self.complains("Q1", "1.2")

    def quote_again(self, more=""):
        self.journals["LP1"].insert(4, ("O", 3, self.journals["LP1"][3][2] + more))

    def test_a_quote_said_again_is_refused_or_flagged(self):
        self.quote_again()
        self.complains("LP1", "sent 2 quotes")
        self.dump["lps"][0] = {**LP, "quotes_refused": 1}
        self.assertEqual(complaints(self.journals, self.dump), [])
        self.dump["lps"][0] = LP
        self.change("LP1", 4, "133=1.1", "97=Y|133=1.1")
        self.assertEqual(complaints(self.journals, self.dump), [])

    def test_a_quote_taken_twice(self):
        self.quote_again("|97=Y")
        self.dump["quotes_ended"].append({**QUOTE, "id": "Q2"})
        self.dump["lps"][0] = {**LP, "quotes": 2}
        self.complains("LP1-1", "there twice")

    def test_a_quote_said_again_altered(self):
        self.quote_again()
        self.change("LP1", 4, "133=1.1", "133=1.2")
        self.complains("LP1-1", "altered")

    def test_an_acceptance_that_came_to_nothing(self):
        self.journals["T1"].append(("O", 4, "35=AJ|34=4|693=C-T1-5|117=Q1|694=1|11=C-T1-5|55=EURUSD|54=1|38=1000|44=1.1"))
        self.complains("C-T1-5", "no order")

    # Sessions

    def test_numbers_that_are_reset(self):
        self.change("T1", 1, "108=10", "108=10|141=Y")
        self.complains("T1", "reset")

    def test_a_number_that_is_left_out(self):
        self.journals["T1"][7] = ("I", 6, self.journals["T1"][7][2])
        said = complaints(self.journals, self.dump)
        self.assertTrue(any("6 is received where 5" in text for text in said), said)

    def test_a_session_whose_two_ends_disagree(self):
        right = dict(self.dump["sessions"][0])
        for wrong in ({"next_in": 3}, {"next_out": right["next_out"] - 1}, {"next_out": right["next_out"] + 9}):
            self.dump["sessions"][0] = {**right, **wrong}
            said = complaints(self.journals, self.dump)
            self.assertTrue(any("numbers differ" in text for text in said), (wrong, said))

    def test_what_was_answered_behind_a_logout(self):
        self.dump["sessions"][0]["next_out"] += 1
        self.assertEqual(complaints(self.journals, self.dump), [])

    def test_a_message_of_a_party_that_is_rejected(self):
        self.journals["LP1"].append(("I", 4, "35=3|34=4|45=3|373=1|58=Required tag missing"))
        self.complains("LP1", "refuses a message")


if __name__ == "__main__":
    unittest.main()
