"""An XMPP client on slixmpp that does what it is told on standard input, one JSON object a line, and prints what it
sees, one JSON object a line. Receipts, pings and questions about features are answered by slixmpp itself.

    xmpp_client.py JID PASSWORD HOST PORT [OPTION]...

Options: `register` makes the account first, `approve` lets everybody see its presence who asks, `resume` asks for
stream management, `quiet` sends no receipts.
"""
import asyncio
import json
import logging
import sys

import slixmpp
from slixmpp.xmlstream import ET, tostring

jid, password, host, port = sys.argv[1:5]
options = set(sys.argv[5:])
logging.basicConfig(level=logging.ERROR, stream=sys.stderr)


def tell(**what):
    print(json.dumps(what, ensure_ascii=False), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(jid, password)
        self.enable_plaintext = True
        self.enable_starttls = False
        self.enable_direct_tls = False
        for kind in ("plain", "digest", "cram", "scram"):
            self.plugin["feature_mechanisms"].config["unencrypted_" + kind] = True
        self.auto_authorize = True if "approve" in options else None
        self.auto_subscribe = False
        plugins = ["xep_0030", "xep_0004", "xep_0050", "xep_0085", "xep_0199", "xep_0203", "xep_0066", "xep_0077"]
        if "quiet" not in options:
            plugins += ["xep_0184", "xep_0333"]
        if "resume" in options:
            plugins.append("xep_0198")
        for plugin in plugins:
            self.register_plugin(plugin)
        if "xep_0198" in plugins:
            self.plugin["xep_0198"].allow_resume = True
        self.plugin["xep_0077"].force_registration = "register" in options
        self.add_event_handler("register", self.register)
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("failed_all_auth", lambda _: self.fail("not let in"))
        self.add_event_handler("disconnected", lambda _: tell(kind="disconnected"))
        self.add_filter("in", self.see)

    def fail(self, why):
        tell(kind="failed", why=why)

    async def register(self, _form):
        ask = self.Iq()
        ask["type"] = "set"
        ask["register"]["username"] = self.boundjid.user
        ask["register"]["password"] = self.password
        try:
            await ask.send()
        except slixmpp.exceptions.IqError as error:
            if error.iq["error"]["condition"] != "conflict":
                self.fail(error.iq["error"]["condition"])

    async def start(self, _event):
        await self.get_roster()
        tell(kind="started", jid=str(self.boundjid))

    def see(self, stanza):
        if isinstance(stanza, slixmpp.Message):
            body = stanza.xml.find("{jabber:client}body")
            tell(
                kind="message", type=stanza["type"], id=stanza["id"], body=None if body is None else body.text or "",
                xml=tostring(stanza.xml), **{"from": str(stanza["from"])},
            )
        elif isinstance(stanza, slixmpp.Presence):
            tell(
                kind="presence", type=stanza.xml.get("type", ""), show=stanza["show"], status=stanza["status"],
                **{"from": str(stanza["from"])},
            )
        elif isinstance(stanza, slixmpp.Iq):
            tell(
                kind="iq", type=stanza["type"], id=stanza["id"], xml=tostring(stanza.xml),
                **{"from": str(stanza["from"])},
            )
        return stanza

    async def obey(self, order):
        op = order.pop("op")
        if op == "presence":
            show, priority = order.get("show"), order.get("priority")
            self.send_presence(pshow=show, ppriority=priority, pto=order.get("to"), ptype=order.get("type"))
        elif op == "say":
            message = self.Message()
            message["to"], message["type"], message["body"] = order["to"], order.get("type", "chat"), order["body"]
            message["id"] = order.get("id") or self.new_id()
            if order.get("receipt") and "quiet" not in options:
                message["request_receipt"] = True
            if order.get("delay"):
                message.append(ET.fromstring(f"<delay xmlns='urn:xmpp:delay' stamp='{order['delay']}'/>"))
            if order.get("file"):
                message["oob"]["url"] = order["file"]
            message.send()
        elif op == "raw":
            self.send_raw(order["xml"])
        elif op == "leave":
            await self.disconnect()
            sys.exit(0)
        tell(kind="done", op=op)


async def main():
    client = Client()
    client.connect(host, int(port))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await client.obey(json.loads(line))


asyncio.run(main())
