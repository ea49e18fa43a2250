// co-wechat on koa, as its README shows it: verify, decrypt, parse, answer nothing. Stores nothing.
// usage: node co-wechat.mjs MODULES_FOLDER PORT [REDIS_PORT]
// With a Redis port every message is also deduplicated there, as a handler on several nodes has to.
import { createRequire } from 'node:module'

const [modules, port, redisPort] = process.argv.slice(2)
const require = createRequire(modules + '/')
const Koa = require('koa')
const wechat = require('co-wechat')

const config = {
  token: 'yizhandemotoken',
  appid: 'wx0123456789abcdef',
  encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
}
const redis = redisPort ? new (require('ioredis'))(Number(redisPort), '127.0.0.1') : null

const app = new Koa()
app.use(wechat(config).middleware(async (message) => {
  if (redis) {
    await redis.set(`${message.CreateTime}.${message.MsgId}.${message.FromUserName}`, '1', 'EX', 60, 'NX')
  }
  return ''
}))
app.listen(Number(port), '127.0.0.1', 8192)
