"""Callbacks that wechatpy signs and encrypts, and passive replies that wechatpy decrypts."""

import itertools
import time
import tomllib
from functools import partial
from pathlib import Path

import requests
import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

ACCOUNTS = {
    account["id"]: account
    for account in tomllib.loads(Path(__file__).with_name("interop.toml").read_text())["account"]
}
# WeChat gives up after five seconds.
PATIENCE_S = 5
numbers = itertools.count(24_000_000_000_000_001)

MESSAGES = {
    "text": "<Content><![CDATA[你好 <b>&amp;</b> 😀]]></Content>",
    "image": "<PicUrl><![CDATA[http://mmbiz.example/1]]></PicUrl><MediaId><![CDATA[media-1]]></MediaId>",
    "voice": "<MediaId><![CDATA[media-2]]></MediaId><Format><![CDATA[amr]]></Format>",
    "video": "<MediaId><![CDATA[media-3]]></MediaId><ThumbMediaId><![CDATA[thumb]]></ThumbMediaId>",
    "location": "<Location_X>39.9</Location_X><Location_Y>116.4</Location_Y><Scale>15</Scale><Label>北京</Label>",
    "link": "<Title><![CDATA[标题]]></Title><Description></Description><Url><![CDATA[https://example.com]]></Url>",
    "hologram": "<Shape>unknown to everybody</Shape>",
}
EVENTS = {
    "subscribe": "<EventKey></EventKey>",
    "CLICK": "<EventKey><![CDATA[MENU]]></EventKey>",
    "unheard_of": "<Detail>1</Detail>",
    "unsubscribe": "<EventKey></EventKey>",
}


class Caller:
    """WeChat's side of one account."""

    def __init__(self, address, name):
        self.account = ACCOUNTS[name]
        self.url = f"{address}/wechat/interop.{name}"
        self.follower = f"oInterop{name:_<20}"
        key = self.account.get("aes_key")
        self.crypto = WeChatCrypto(self.account["token"], key, self.account["appid"]) if key else None

    def xml(self, kind, inner, number=None):
        tail = "" if kind == "event" else f"<MsgId>{number or next(numbers)}</MsgId>"
        return (
            f"<xml><ToUserName><![CDATA[{self.account['gh_id']}]]></ToUserName>"
            f"<FromUserName><![CDATA[{self.follower}]]></FromUserName><CreateTime>{int(time.time())}</CreateTime>"
            f"<MsgType><![CDATA[{kind}]]></MsgType>{inner}{tail}</xml>"
        )

    def signed(self, **more):
        # Always a new nonce: in plain mode another body under the same one is a replay.
        stamp, nonce = str(int(time.time())), str(next(numbers))
        signer = WeChatSigner()
        signer.add_data(self.account["token"], stamp, nonce)
        return {"signature": signer.signature, "timestamp": stamp, "nonce": nonce, **more}

    def post(self, body, params):
        headers = {"Content-Type": "text/xml"}
        return requests.post(self.url, params=params, data=body.encode(), headers=headers, timeout=PATIENCE_S)

    def post_plain(self, xml):
        return self.post(xml, self.signed(openid=self.follower))

    def encrypt(self, xml):
        """The encrypted body and the parameters it travels with."""
        params = self.signed(openid=self.follower, encrypt_type="aes")
        body = self.crypto.encrypt_message(xml, params["nonce"], params["timestamp"])
        sealed = xmltodict.parse(body)["xml"]
        return sealed["Encrypt"], {**params, "msg_signature": sealed["MsgSignature"]}

    def post_safe(self, xml):
        sealed, params = self.encrypt(xml)
        to = self.account["gh_id"]
        return self.post(f"<xml><ToUserName><![CDATA[{to}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>", params)

    def post_compatible(self, xml):
        sealed, params = self.encrypt(xml)
        return self.post(xml.replace("</xml>", f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"), params)

    def read(self, answer):
        """The passive reply as a dict, `None` for a bare `success`."""
        assert answer.status_code == 200, (answer.status_code, answer.text)
        if answer.text in ("success", ""):
            return None
        text = answer.text
        if self.crypto:
            sealed = xmltodict.parse(text)["xml"]
            text = self.crypto.decrypt_message(text, sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"])
        reply = xmltodict.parse(text)["xml"]
        assert (reply["ToUserName"], reply["FromUserName"]) == (self.follower, self.account["gh_id"]), reply
        assert abs(int(reply["CreateTime"]) - time.time()) < 60, reply
        return reply


def post_of(caller):
    mode = caller.account["mode"]
    return {"safe": caller.post_safe, "compatible": caller.post_compatible, "plain": caller.post_plain}[mode]


def verifies_its_url(caller):
    answer = requests.get(caller.url, params=caller.signed(echostr="7519306283"), timeout=PATIENCE_S)
    assert (answer.status_code, answer.text) == (200, "7519306283"), answer.text
    wrong = {**caller.signed(echostr="7519306283"), "signature": "0" * 40}
    refused = requests.get(caller.url, params=wrong, timeout=PATIENCE_S)
    assert (refused.status_code, refused.text) == (403, ""), refused.text


def accepts_every_message(caller):
    for kind, inner in MESSAGES.items():
        reply = caller.read(post_of(caller)(caller.xml(kind, inner)))
        assert reply is None or reply["MsgType"] == "text", (kind, reply)


def accepts_every_event(caller):
    for event, inner in EVENTS.items():
        caller.read(post_of(caller)(caller.xml("event", f"<Event><![CDATA[{event}]]></Event>{inner}")))


def replies_in_the_passive_slot(caller):
    """Run first: the greeting goes to whoever writes for the first time."""
    reply = caller.read(post_of(caller)(caller.xml("text", MESSAGES["text"])))
    assert reply and "互通测试" in reply["Content"], reply


def answers_a_repeated_delivery_alike(caller):
    xml = caller.xml("text", MESSAGES["text"])
    first, second = (caller.read(post_of(caller)(xml)) for _ in range(2))
    assert (first or {}).get("Content") == (second or {}).get("Content"), (first, second)


def refuses_a_wrong_signature(caller):
    sealed, params = caller.encrypt(caller.xml("text", MESSAGES["text"]))
    body = f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    refused = caller.post(body, {**params, "msg_signature": "0" * 40})
    assert (refused.status_code, refused.text) == (403, ""), refused.text


def refuses_a_downgrade(caller):
    refused = caller.post_plain(caller.xml("text", MESSAGES["text"]))
    assert (refused.status_code, refused.text) == (403, ""), refused.text


def refuses_what_is_sealed_for_another_account(address):
    safe, other = Caller(address, "safe"), Caller(address, "safe")
    other.crypto = WeChatCrypto(safe.account["token"], safe.account["aes_key"], "wxbbbbbbbbbbbbbbbb")
    refused = other.post_safe(safe.xml("text", MESSAGES["text"]))
    assert (refused.status_code, refused.text) == (403, ""), refused.text


def tests(address):
    for name in ACCOUNTS:
        caller = Caller(address, name)
        for test in (
            verifies_its_url,
            replies_in_the_passive_slot,
            accepts_every_message,
            answers_a_repeated_delivery_alike,
            accepts_every_event,
        ):
            yield f"wechatpy {name}: {test.__name__}", partial(test, caller)
    safe = Caller(address, "safe")
    yield "wechatpy safe: refuses_a_wrong_signature", partial(refuses_a_wrong_signature, safe)
    yield "wechatpy safe: refuses_a_downgrade", partial(refuses_a_downgrade, safe)
    yield "wechatpy safe: refuses_what_is_sealed_for_another_account", partial(
        refuses_what_is_sealed_for_another_account, address
    )
