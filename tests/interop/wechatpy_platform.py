"""Plays the WeChat platform with wechatpy's code: signs, encrypts, delivers, decrypts the answers.

Reads the account as JSON from the first argument, prints one JSON object per delivery. Judges nothing: what is right is
said by tests/it/interop/wechatpy.rs.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import xmltodict
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.utils import WeChatSigner

TIMESTAMP = "1795392073"
MESSAGES = {
    "image": {"PicUrl": "http://mmbiz.example/1", "MediaId": "media-1"},
    "voice": {"MediaId": "media-2", "Format": "amr"},
    "video": {"MediaId": "media-3", "ThumbMediaId": "media-4"},
    "link": {"Title": "标题", "Description": "", "Url": "https://example.com"},
    "hologram": {"Shape": "unknown to everybody"},
}


def signature(account, *parts):
    signer = WeChatSigner()
    signer.add_data(account["token"], *parts)
    return signer.signature


def call(account, query, body=None):
    url = account["url"] + "?" + urllib.parse.urlencode(query)
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/xml"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def verify(account):
    nonce = "verify"
    query = {"signature": signature(account, TIMESTAMP, nonce), "timestamp": TIMESTAMP, "nonce": nonce, "echostr": "4375120948345356249"}
    status, body = call(account, query)
    return {"case": "verify", "status": status, "body": body}


def plain(account, case, document):
    assert parse_message(document).source == account["openid"], "wechatpy reads the document too"
    nonce = "plain" + case
    query = {"signature": signature(account, TIMESTAMP, nonce), "timestamp": TIMESTAMP, "nonce": nonce, "openid": account["openid"]}
    status, body = call(account, query, document.encode())
    result = {"case": case, "status": status, "body": body}
    if body.startswith("<"):
        result["reply"] = xmltodict.parse(body)["xml"]
    return result


def sealed(account, case, document, spoil=lambda query: None, appid=None):
    """Safe mode; in compatible mode the clear fields stand beside the encrypted ones."""
    assert parse_message(document).source == account["openid"], "wechatpy reads the document too"
    crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])
    sender = WeChatCrypto(account["token"], account["aes_key"], appid or account["appid"])
    nonce = "sealed" + case
    closed = xmltodict.parse(sender.encrypt_message(document, nonce, TIMESTAMP))["xml"]
    clear = xmltodict.parse(document)["xml"] if account["mode"] == "compatible" else {"ToUserName": account["gh_id"]}
    envelope = xmltodict.unparse({"xml": {**clear, "Encrypt": closed["Encrypt"]}}, full_document=False)
    query = {
        "signature": signature(account, TIMESTAMP, nonce),
        "timestamp": TIMESTAMP,
        "nonce": nonce,
        "openid": account["openid"],
        "encrypt_type": "aes",
        "msg_signature": closed["MsgSignature"],
    }
    spoil(query)
    status, body = call(account, query, envelope.encode())
    result = {"case": case, "status": status, "body": body}
    if body.startswith("<"):
        answer = xmltodict.parse(body)["xml"]
        clear = crypto.decrypt_message(body, answer["MsgSignature"], answer["TimeStamp"], answer["Nonce"])
        result["reply"] = xmltodict.parse(clear)["xml"]
        result["nonce_echoed"] = answer["Nonce"] == nonce
        result["refused_by_others"] = refused(account, body, answer)
    return result


def refused(account, body, answer):
    """Whether wechatpy refuses the same answer under another token and for another AppID."""
    refusals = []
    for token, appid, expected in [
        ("othertoken", account["appid"], InvalidSignatureException),
        (account["token"], "wxffffffffffffffff", InvalidAppIdException),
    ]:
        other = WeChatCrypto(token, account["aes_key"], appid)
        try:
            other.decrypt_message(body, answer["MsgSignature"], answer["TimeStamp"], answer["Nonce"])
            refusals.append(False)
        except expected:
            refusals.append(True)
    return refusals


def document(account, kind, fields):
    base = {"ToUserName": account["gh_id"], "FromUserName": account["openid"], "CreateTime": TIMESTAMP, "MsgType": kind}
    return xmltodict.unparse({"xml": {**base, **fields}}, full_document=False)


def main():
    account = json.loads(sys.argv[1])
    deliver = plain if account["mode"] == "plain" else sealed
    text = lambda content, n: document(account, "text", {"Content": content, "MsgId": str(24000000000000000 + n)})
    results = [
        verify(account),
        deliver(account, "follow", document(account, "event", {"Event": "subscribe", "EventKey": ""})),
        deliver(account, "text", text("你好，驿站 😊 <&>]]", 1)),
        deliver(account, "again", text("你好，驿站 😊 <&>]]", 1)),
        deliver(account, "location", document(account, "location", {
            "Location_X": "23.134521", "Location_Y": "113.358803", "Scale": "20", "Label": "位置信息", "MsgId": "24000000000000009"})),
        deliver(account, "click", document(account, "event", {"Event": "CLICK", "EventKey": "V1001"})),
    ]
    for n, (kind, fields) in enumerate(MESSAGES.items()):
        results.append(deliver(account, kind, document(account, kind, {**fields, "MsgId": str(24000000000000010 + n)})))
    results.append(deliver(account, "unheard_of", document(account, "event", {"Event": "unheard_of", "Detail": "1"})))
    # Every length of padding, 1 to 32 bytes: the text grows by a byte each time.
    results += [deliver(account, "pad%d" % n, text("p" * (n + 1), 100 + n)) for n in range(32)]
    results.append(deliver(account, "unfollow", document(account, "event", {"Event": "unsubscribe", "EventKey": ""})))
    if account["mode"] != "plain":
        results += [
            sealed(account, "forged", text("forged", 2), lambda query: query.update(msg_signature="0" * 40)),
            sealed(account, "foreign", text("foreign", 3), appid="wxffffffffffffffff"),
            plain(account, "downgrade", text("downgrade", 4)),
        ]
    for result in results:
        print(json.dumps(result, ensure_ascii=False))


main()
