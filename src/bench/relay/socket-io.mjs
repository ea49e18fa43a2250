// One process of socket.io with its Redis adapter, as its documentation shows it. Stores nothing.
// usage: node socket-io.mjs MODULES_FOLDER PORT REDIS_URL
import { createRequire } from 'node:module'

const [modules, port, redisUrl] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { createServer } = require('node:http')
const { Server } = require('socket.io')
const { createAdapter } = require('@socket.io/redis-adapter')
const { Redis } = require('ioredis')

const publisher = new Redis(redisUrl)
const subscriber = publisher.duplicate()
const server = createServer()
const io = new Server(server, {
  transports: ['websocket'],
  pingInterval: 300000,
  adapter: createAdapter(publisher, subscriber),
})
io.on('connection', (socket) => {
  socket.on('join', (room, done) => { socket.join(room); done() })
  socket.on('send', (room, text, done) => { io.to(room).emit('msg', text); done() })
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 8192 })
