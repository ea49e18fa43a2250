"""A robot's server made of other people's code, on a free port that it prints; it serves until its input ends.

/v1/chat/completions  fakellm answers as a model; what it is asked has to be what the openai package sends.
/bot                  standardwebhooks verifies what is posted.
The first line that it prints also has an answer of the bot's own, signed by standardwebhooks.
"""

import datetime
import json
import os
import socket
import sys
import tempfile
import threading

import yaml

asked = json.loads(sys.argv[1])
with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as rules:
    yaml.safe_dump({"version": 1, "rules": asked["rules"]}, rules)
os.environ["FAKELLM_CONFIG"] = rules.name

import uvicorn
from fakellm.server import openai_chat
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

os.unlink(rules.name)
request_form = TypeAdapter(CompletionCreateParamsStreaming)
webhook = Webhook(asked["secret"])
app = FastAPI()


@app.post("/v1/chat/completions")
async def chat(request: Request):
    try:
        request_form.validate_python(await request.json())
    except ValidationError as error:
        return JSONResponse({"error": {"message": str(error)}}, status_code=400)
    return await openai_chat(request)


@app.post("/bot")
async def bot(request: Request):
    try:
        turn = webhook.verify(await request.body(), dict(request.headers))
    except WebhookVerificationError as error:
        return JSONResponse({"error": {"message": str(error)}}, status_code=401)
    return {"messages": ["echo: " + turn["data"]["text"]], "epoch": turn["data"]["epoch"]}


now = datetime.datetime.now(tz=datetime.timezone.utc)
body = json.dumps(asked["later"])
# Whoever started it may die without a word.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({
    "port": listener.getsockname()[1],
    "body": body,
    "id": "msg_later",
    "timestamp": str(int(now.timestamp())),
    "signature": webhook.sign("msg_later", now, body),
}), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
