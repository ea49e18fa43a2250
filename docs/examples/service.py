#!/usr/bin/env python3
"""A module that Yizhan asks, done right: every question answered once, nothing done twice, no answer when nobody waits.

    pip install pika
    python3 service.py --url amqp://guest:guest@127.0.0.1:5672/%2f --database service.db

Flows ask by `call: {service: bank, op: account.find, args: {…}}`: a message on the exchange `yizhan.rpc` with the routing
key `bank.account.find` and the body {"op": "account.find", "tenant": "demo", "args": {…}}. The answer goes to `reply_to`
with the same `correlation_id`, at most 64 KiB: {"ok": …}, or {"err": {"code": "…", "message": "…"}}. Four rules:

1. `message_id` is the asker's key, for each tenant: the same key is the same question, asked again because no answer came.
   The answer is kept with it, in the same transaction as the effect, and given again.
2. A question expires when nobody waits for its answer any more; the broker then drops it. What takes longer than the asker
   waits (3 s is usual, 30 s the longest) should answer at once that it has begun.
3. Every question is answered, also one that cannot be understood: silence looks like a service that is ill, and five times
   in a row leave it alone for ten seconds.
4. One queue for each service, shared by all its processes. Without the queue the asker hears at once that nobody serves.

This one plays a bank and a CRM. tests/it/interop/ask.rs runs it.
"""

import argparse
import hmac
import json
import secrets
import sqlite3
import sys

import pika

EXCHANGE = "yizhan.rpc"
SERVICES = ["bank", "crm"]
TRIES = 3

SCHEMA = """
CREATE TABLE IF NOT EXISTS answered (tenant TEXT, id TEXT, answer TEXT, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (ref TEXT PRIMARY KEY, id_last4 TEXT, phone TEXT, name TEXT, bound INTEGER);
CREATE TABLE IF NOT EXISTS code (tenant TEXT, sent TEXT, phone TEXT, code TEXT, tries INTEGER, PRIMARY KEY (tenant, sent));
CREATE TABLE IF NOT EXISTS ticket (number INTEGER PRIMARY KEY, tenant TEXT, args TEXT);
INSERT OR IGNORE INTO account VALUES ('A-1', '123X', '13800000000', '王小姐', 0);
"""


class Refusal(Exception):
    """What the service will not do: a code for programs, words for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def account_find(bank, _tenant, args):
    query = "SELECT ref FROM account WHERE id_last4 = ? AND phone = ?"
    row = bank.database.execute(query, (args["id_last4"].upper(), args["phone"])).fetchone()
    return {"found": row is not None, "ref": row[0] if row else None}


def account_bind(bank, _tenant, args):
    row = bank.database.execute("UPDATE account SET bound = 1 WHERE ref = ? RETURNING name", (args["ref"],)).fetchone()
    if row is None:
        raise Refusal("not_found", "查无此户 no such account")
    return {"name": row[0]}


def sms_send(bank, tenant, args):
    """Yizhan keeps what is answered here and gives it back as `sent` when the customer has typed a code."""
    sent, code = secrets.token_hex(8), f"{secrets.randbelow(1_000_000):06}"
    bank.database.execute("INSERT INTO code VALUES (?, ?, ?, ?, 0)", (tenant, sent, args["to"], code))
    bank.send(args["to"], code)
    return {"id": sent}


def sms_check(bank, tenant, args):
    """The code itself never leaves this module. Guessing is bounded here: the asker may ask as often as it likes."""
    key = (tenant, args["sent"]["id"])
    query = "UPDATE code SET tries = tries + 1 WHERE tenant = ? AND sent = ? RETURNING code, tries, phone"
    row = bank.database.execute(query, key).fetchone()
    if row is None or row[1] > TRIES or row[2] != args["to"]:
        return {"ok": False}
    right = hmac.compare_digest(row[0].encode(), args["code"].strip().encode())
    if right:
        bank.database.execute("DELETE FROM code WHERE tenant = ? AND sent = ?", key)
    return {"ok": right}


def ticket_create(bank, tenant, args):
    if not args["title"]:
        raise Refusal("bad_request", "没有标题 a ticket needs a title")
    words = json.dumps(args, ensure_ascii=False)
    done = bank.database.execute("INSERT INTO ticket (tenant, args) VALUES (?, ?)", (tenant, words))
    return {"ticket": f"T{done.lastrowid:06}"}


OPERATIONS = {
    "bank.account.find": account_find,
    "bank.account.bind": account_bind,
    "bank.sms.send": sms_send,
    "bank.sms.check": sms_check,
    "crm.ticket.create": ticket_create,
}


class Bank:
    """The services, and what they keep."""

    def __init__(self, database, outbox):
        self.database = database
        self.outbox = outbox

    def send(self, phone, code):
        """A real one hands the code to a provider of short messages. If the commit fails after that, a code was sent that
        is not right: harmless, the customer has another one sent."""
        with open(self.outbox, "a", encoding="utf-8") as outbox:
            print(json.dumps({"to": phone, "code": code}), file=outbox)

    def answer(self, route, key, body):
        """The answer to a question: the one that was given before, or a new one that is kept with its effect."""
        try:
            question = json.loads(body)
            tenant, args = question["tenant"], question["args"]
            with self.database:
                self.database.execute("BEGIN IMMEDIATE")
                kept = "SELECT answer FROM answered WHERE tenant = ? AND id = ?"
                row = self.database.execute(kept, (tenant, key)).fetchone()
                if row is not None:
                    return row[0]
                if route not in OPERATIONS:
                    raise Refusal("unsupported_op", f"不会做 no operation {route}")
                answer = json.dumps({"ok": OPERATIONS[route](self, tenant, args)}, ensure_ascii=False)
                self.database.execute("INSERT INTO answered VALUES (?, ?, ?)", (tenant, key, answer))
                return answer
        except Refusal as refusal:
            return refused(refusal.code, str(refusal))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The name of what is wrong, never what the customer said.
            print(f"{route}: {type(error).__name__}", file=sys.stderr, flush=True)
            return refused("bad_request", "看不懂这个请求 the question cannot be understood")
        except (sqlite3.Error, OSError) as error:
            # Our own trouble, and nothing was done: whoever asks again may be luckier.
            print(f"{route}: {error!r}", file=sys.stderr, flush=True)
            return refused("dependency_unavailable", "系统繁忙 try again later")


def refused(code, message):
    return json.dumps({"err": {"code": code, "message": message}}, ensure_ascii=False)


def declare(channel):
    """One queue for each service. Declaring the exchange as Yizhan does makes it no matter who comes first."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    for service in SERVICES:
        # Questions live for seconds: no replicas, no disk. The bound keeps a burst from waiting in vain.
        bounds = {"x-max-length": 1000, "x-overflow": "reject-publish"}
        channel.queue_declare(f"{service}.questions", durable=True, arguments=bounds)
        channel.queue_bind(f"{service}.questions", EXCHANGE, routing_key=f"{service}.#")
    channel.basic_qos(prefetch_count=20)


def on_question(bank, channel, method, properties, body):
    answer = bank.answer(method.routing_key, properties.message_id, body)
    if properties.reply_to:
        same = pika.BasicProperties(content_type="application/json", correlation_id=properties.correlation_id)
        channel.basic_publish("", properties.reply_to, answer.encode(), same)
    # After the answer: whoever dies before it gets the question again, and gives the answer that was kept.
    channel.basic_ack(method.delivery_tag)


def main():
    parser = argparse.ArgumentParser(description="Plays a bank and a CRM that Yizhan asks.")
    parser.add_argument("--url", default="amqp://guest:guest@127.0.0.1:5672/%2f")
    parser.add_argument("--database", default="service.db")
    parser.add_argument("--outbox", default="sms.jsonl", help="the file that takes the place of a phone")
    parser.add_argument("--until-idle", type=float, metavar="SECONDS", help="end after so long without a question")
    options = parser.parse_args()

    # Transactions begin where the code says so.
    database = sqlite3.connect(options.database, isolation_level=None)
    database.executescript(SCHEMA)
    bank = Bank(database, options.outbox)
    connection = pika.BlockingConnection(pika.URLParameters(options.url))
    channel = connection.channel()
    declare(channel)
    quiet = None

    def stop():
        channel.stop_consuming()

    def handle(*question):
        nonlocal quiet
        if quiet is not None:
            connection.remove_timeout(quiet)
        on_question(bank, *question)
        if options.until_idle:
            quiet = connection.call_later(options.until_idle, stop)

    for service in SERVICES:
        channel.basic_consume(f"{service}.questions", handle)
    if options.until_idle:
        quiet = connection.call_later(options.until_idle, stop)
    print("serving", flush=True)
    channel.start_consuming()
    connection.close()
    database.close()


if __name__ == "__main__":
    main()
