// The least that a handler by hand has to do on Node: verify, decrypt, cut the fields out of the XML, remember the key of
// the message, answer `success`. Stores nothing.
// usage: node node.mjs PORT
import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const token = 'yizhandemotoken'
const appid = 'wx0123456789abcdef'
const key = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG=', 'base64')
const field = (xml, name) => {
  const match = new RegExp(`<${name}>(?:<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|([^<]*))</${name}>`).exec(xml)
  return match ? match[1] ?? match[2] : undefined
}
let seen = new Map()

function take(url, body) {
  const query = new URL(url, 'http://x').searchParams
  const encrypt = field(body, 'Encrypt')
  const parts = [token, query.get('timestamp'), query.get('nonce'), encrypt].sort().join('')
  const digest = createHash('sha1').update(parts).digest()
  if (!timingSafeEqual(digest, Buffer.from(query.get('msg_signature'), 'hex'))) return 403
  const cipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  const clear = Buffer.concat([cipher.update(encrypt, 'base64'), cipher.final()])
  const end = clear.length - clear[clear.length - 1]
  const length = clear.readUInt32BE(16)
  if (clear.toString('utf8', 20 + length, end) !== appid) return 403
  const xml = clear.toString('utf8', 20, 20 + length)
  const id = `${field(xml, 'CreateTime')}.${field(xml, 'MsgId')}.${field(xml, 'FromUserName')}`
  if (seen.size > 100000) seen = new Map()
  seen.set(id, field(xml, 'Content'))
  return 200
}

createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const status = take(request.url, Buffer.concat(chunks).toString('utf8'))
    const answer = status === 200 ? 'success' : ''
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': answer.length })
    response.end(answer)
  })
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 8192 })
