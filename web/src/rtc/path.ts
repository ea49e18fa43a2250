/** Whether this machine finds a way through the network: candidates of its own, and of a relay. Knows no call. */

export type Path = 'direct' | 'relay' | 'norelay' | 'none' | 'unset'

const PATH_MS = 10_000

/** What the kinds of candidates mean for a call. Pure. */
export function pathOf(kinds: ReadonlySet<string>, relays: boolean): Path {
  const own = kinds.has('host') || kinds.has('srflx') || kinds.has('prflx')
  if (!relays) return own ? 'unset' : 'none'
  if (kinds.has('relay')) return own ? 'direct' : 'relay'
  return own ? 'norelay' : 'none'
}

const hasRelay = (servers: RTCIceServer[]): boolean => servers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)))

/** Gathers candidates until there are no more or the best is here. */
export async function tryPath(iceServers: RTCIceServer[]): Promise<Path> {
  const pc = new RTCPeerConnection({ iceServers })
  const kinds = new Set<string>()
  const relays = hasRelay(iceServers)
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, PATH_MS)
      const done = () => (clearTimeout(timer), resolve())
      pc.onicecandidate = ({ candidate }) => {
        if (!candidate) return done()
        if (candidate.type) kinds.add(candidate.type)
        if (kinds.has('relay') && kinds.has('host')) done()
      }
      pc.createDataChannel('path')
      pc.setLocalDescription().catch(reject)
    })
  } finally {
    pc.close()
  }
  return pathOf(kinds, relays)
}
