"""Another module of the contact centre, for the browser tests: prints every event of the tenant `demo`, and gives the
orders that it reads.

    module.py amqp://guest:guest@127.0.0.1:5672/%2f

A line in is an order with an id: {"id": "1", "cmd": "call.end", …}. Lines out are {"ready": true} once the gateway takes
orders, {"event": {…}}, and {"id": "1", "answer": {…}}.
"""

import json
import sys
import threading
import time

import pika

EVENTS, COMMANDS = "yizhan.events", "yizhan.commands"
START_S = 60


def connected(url):
    """Asking for what the gateway has not declared yet closes the channel, so each try has a connection of its own."""
    deadline = time.monotonic() + START_S
    while True:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        try:
            channel.queue_declare(COMMANDS, passive=True)
            return connection, channel
        except pika.exceptions.ChannelClosedByBroker:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def say(**line):
    print(json.dumps(line, ensure_ascii=False), flush=True)


def main(url):
    connection, channel = connected(url)
    events = channel.queue_declare("", exclusive=True).method.queue
    answers = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(events, EVENTS, "yizhan.demo.#")

    def heard(_channel, _method, _properties, body):
        say(event=json.loads(body))

    def answered(_channel, _method, properties, body):
        say(id=properties.correlation_id, answer=json.loads(body))

    def give(order):
        name = order.pop("id")
        properties = pika.BasicProperties(message_id=name, correlation_id=name, reply_to=answers, delivery_mode=2)
        body = json.dumps({"tenant": "demo", "actor": {"module": "crm"}, **order})
        channel.basic_publish(COMMANDS, "any", body, properties=properties, mandatory=True)

    def orders():
        for line in sys.stdin:
            connection.add_callback_threadsafe(lambda order=json.loads(line): give(order))
        connection.add_callback_threadsafe(channel.stop_consuming)

    channel.basic_consume(events, heard, auto_ack=True)
    channel.basic_consume(answers, answered, auto_ack=True)
    threading.Thread(target=orders, daemon=True).start()
    say(ready=True)
    channel.start_consuming()


main(sys.argv[1])
