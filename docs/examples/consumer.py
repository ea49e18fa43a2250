#!/usr/bin/env python3
"""A module that listens to Yizhan, done right: nothing lost, nothing done twice, poison put aside.

    pip install pika
    python3 consumer.py --url amqp://guest:guest@127.0.0.1:5672/%2f --database crm.db

Events arrive at least once. Three rules make that exactly once in effect:

1. The event's id goes into the module's own database in the same transaction as what the event changes there. An id that
   is there already has been dealt with: it is only acknowledged.
2. An event is acknowledged after that commit. Whoever dies before it gets the event again.
3. What cannot be read, or fails again and again, is dead-lettered into a queue of its own for somebody to look at. It
   must neither be lost nor stop the others.

This one keeps a table of sessions and how they ended. tests/it/interop/bus.rs runs it.
"""

import argparse
import json
import sqlite3
import sys

import pika

QUEUE = "crm.sessions"
DEAD = "crm.sessions.dead"
KEYS = ["yizhan.*.session.created", "yizhan.*.session.ended"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (source TEXT, id TEXT, PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    tenant TEXT, session TEXT, started TEXT, ended TEXT, reason TEXT, PRIMARY KEY (tenant, session)
) WITHOUT ROWID;
"""


def declare(channel):
    """The module's own queue. It outlives the module: what happens while it is away waits in it."""
    channel.exchange_declare(DEAD, "fanout", durable=True)
    channel.queue_declare(DEAD, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 100000})
    channel.queue_bind(DEAD, DEAD)
    channel.queue_declare(
        QUEUE,
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            # Without a limit an event that always fails comes for ever on brokers before version 4.
            "x-delivery-limit": 5,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
    for key in KEYS:
        channel.queue_bind(QUEUE, "yizhan.events", routing_key=key)
    # Not more at a time than can be lost from view if this process dies.
    channel.basic_qos(prefetch_count=50)


def apply(database, event):
    """What the event changes here. Events of one session may overtake each other when several consumers share a queue:
    each writes only what it knows."""
    data, key = event["data"], (event["tenant"], event["data"]["session"])
    database.execute("INSERT OR IGNORE INTO session (tenant, session) VALUES (?, ?)", key)
    if event["type"] == "yizhan.session.created.v1":
        database.execute("UPDATE session SET started = ? WHERE tenant = ? AND session = ?", (event["time"], *key))
    elif event["type"] == "yizhan.session.ended.v1":
        changed = (event["time"], data["reason"], *key)
        database.execute("UPDATE session SET ended = ?, reason = ? WHERE tenant = ? AND session = ?", changed)
    # Types that are not known are new ones: nothing to do, and no fault.


def handle(database, body):
    """One event: its id and its effect, or neither."""
    event = json.loads(body)
    with database:
        mark = (event["source"], event["id"])
        if database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", mark).rowcount == 1:
            apply(database, event)


def on_message(database, channel, method, _properties, body):
    """Ends every delivery: acknowledged, dead-lettered, or given back."""
    try:
        handle(database, body)
    except (ValueError, KeyError, TypeError) as error:
        # Nobody can ever read it: aside with it at once.
        print(f"dead-lettered: {error!r}", file=sys.stderr, flush=True)
        channel.basic_reject(method.delivery_tag, requeue=False)
    except sqlite3.OperationalError as error:
        # Our own trouble: it comes again, and is dead-lettered after five times.
        print(f"given back: {error!r}", file=sys.stderr, flush=True)
        channel.basic_nack(method.delivery_tag, requeue=True)
    else:
        channel.basic_ack(method.delivery_tag)


def main():
    parser = argparse.ArgumentParser(description="Keeps a table of sessions.")
    parser.add_argument("--url", default="amqp://guest:guest@127.0.0.1:5672/%2f")
    parser.add_argument("--database", default="crm.db")
    parser.add_argument("--until-idle", type=float, metavar="SECONDS", help="end after so long without an event")
    options = parser.parse_args()

    database = sqlite3.connect(options.database, isolation_level="IMMEDIATE")
    database.executescript(SCHEMA)
    connection = pika.BlockingConnection(pika.URLParameters(options.url))
    channel = connection.channel()
    declare(channel)
    print("listening", flush=True)
    for method, properties, body in channel.consume(QUEUE, inactivity_timeout=options.until_idle):
        if method is None:
            break
        on_message(database, channel, method, properties, body)
    channel.cancel()
    connection.close()
    database.close()


if __name__ == "__main__":
    main()
