import { describe, expect, it, vi } from 'vitest'
import { Negotiator, originOf, PATIENT_MS, type Candidate, type Description, type PeerLike } from '../src/rtc/negotiator'

let serial = 0

/** A peer connection as the specification describes its states; nothing of media. */
class FakePeer implements PeerLike {
  signalingState: RTCSignalingState = 'stable'
  localDescription: { type: string; sdp: string } | null = null
  onnegotiationneeded: PeerLike['onnegotiationneeded'] = null
  onicecandidate: PeerLike['onicecandidate'] = null
  readonly origin = String(++serial)
  candidates: (Candidate | undefined)[] = []
  remote: string | undefined
  version = 0
  private needed = false

  async setLocalDescription(description?: { type: 'rollback' }): Promise<void> {
    await Promise.resolve()
    if (description) {
      this.signalingState = 'stable'
      return
    }
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer'
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable'
    this.localDescription = { type, sdp: `v=0\no=- ${this.origin} ${++this.version} IN IP4 0.0.0.0\n` }
    if (type === 'offer') this.needed = false
    else this.ask()
  }

  async setRemoteDescription({ type, sdp }: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve()
    if (type === 'answer' && this.signalingState !== 'have-local-offer') throw new Error('answer without an offer')
    // An offer over the own one rolls that back, as browsers do.
    if (type === 'offer' && this.signalingState === 'have-local-offer') this.needed = true
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable'
    this.remote = originOf(sdp ?? '')
    if (type === 'answer') this.ask()
  }

  addIceCandidate(candidate?: Candidate): Promise<void> {
    if (this.remote === undefined) return Promise.reject(new Error('no remote description'))
    this.candidates.push(candidate)
    return Promise.resolve()
  }

  restartIce(): void {
    this.needed = true
    this.ask()
  }

  close(): void {
    this.signalingState = 'closed'
  }

  private ask(): void {
    if (this.needed && this.signalingState === 'stable') queueMicrotask(() => this.onnegotiationneeded?.(undefined as never))
  }
}

/** Two negotiators whose words reach the other when they are let through. */
function couple() {
  const troubles: unknown[] = []
  const wire: { to: 'contact' | 'agent'; said: Description }[] = []
  const make = (me: 'contact' | 'agent') => {
    const peers: FakePeer[] = []
    const negotiator = new Negotiator({
      polite: me === 'contact',
      build: () => {
        const peer = new FakePeer()
        peers.push(peer)
        return peer
      },
      description: (said) => wire.push({ to: me === 'agent' ? 'contact' : 'agent', said }),
      candidates: () => undefined,
      trouble: (error) => troubles.push(error),
    })
    return { negotiator, peers, peer: () => peers.at(-1) as FakePeer }
  }
  const agent = make('agent')
  const contact = make('contact')
  const pass = async () => {
    for (let n = 0; n < 50; n += 1) {
      const next = wire.shift()
      if (next) void { agent, contact }[next.to].negotiator.describe(next.said)
      for (let m = 0; m < 10; m += 1) await Promise.resolve()
    }
  }
  return { agent, contact, wire, troubles, pass }
}

describe('negotiator', () => {
  it('settles when both offer at the same moment: the polite side gives way', async () => {
    const { agent, contact, troubles, pass } = couple()
    agent.peer().restartIce()
    contact.peer().restartIce()
    await pass()
    expect([agent.peer().signalingState, contact.peer().signalingState]).toEqual(['stable', 'stable'])
    expect([agent.negotiator.ignored, contact.negotiator.rolledBack]).toEqual([1, 1])
    expect([agent.peer().remote, contact.peer().remote]).toEqual([contact.peer().origin, agent.peer().origin])
    expect(troubles).toEqual([])
  })

  it('settles whatever the order in which words arrive', async () => {
    for (let round = 0; round < 300; round += 1) {
      const { agent, contact, wire, troubles } = couple()
      let seed = round * 7919 + 1
      const chance = (of: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % of
      for (let step = 0; step < 60; step += 1) {
        const what = step < 30 ? chance(4) : 3
        if (what === 0) agent.peer().restartIce()
        else if (what === 1) contact.peer().restartIce()
        else if (wire.length) {
          // Each side hears in the order in which it was said to; the two directions are free.
          const to = wire[chance(wire.length)]?.to
          const at = wire.findIndex((one) => one.to === to)
          const [next] = wire.splice(at, 1)
          if (next) void { agent, contact }[next.to].negotiator.describe(next.said)
        }
        for (let m = 0; m < chance(12) + (step < 30 ? 0 : 12); m += 1) await Promise.resolve()
      }
      expect([round, agent.peer().signalingState, contact.peer().signalingState]).toEqual([round, 'stable', 'stable'])
      expect(troubles).toEqual([])
    }
  })

  it('keeps candidates until the description that they belong to is there', async () => {
    const { contact, troubles } = couple()
    await contact.negotiator.candidates([{ candidate: 'a' }, null])
    expect(contact.peer().candidates).toEqual([])
    await contact.negotiator.describe({ type: 'offer', sdp: 'o=- 77 1 IN IP4 0.0.0.0' })
    expect(contact.peer().candidates).toEqual([{ candidate: 'a' }, undefined])
    expect(troubles).toEqual([])
  })

  it('makes a new connection for a page that was loaded anew', async () => {
    const { agent, contact, pass } = couple()
    agent.peer().restartIce()
    await pass()
    contact.negotiator.rebuild()
    contact.peer().restartIce()
    await pass()
    expect(agent.peers).toHaveLength(2)
    expect(agent.peers[0]?.signalingState).toBe('closed')
    expect([agent.peer().signalingState, contact.peer().signalingState]).toEqual(['stable', 'stable'])
    expect(agent.peer().remote).toBe(contact.peer().origin)
  })

  it('lets the other side begin, but not for ever', async () => {
    vi.useFakeTimers()
    const said: Description[] = []
    const peer = new FakePeer()
    const patient = new Negotiator({ polite: true, patient: true, build: () => peer, description: (one) => said.push(one), candidates: () => undefined, trouble: () => undefined })
    peer.restartIce()
    await vi.advanceTimersByTimeAsync(PATIENT_MS - 1)
    expect(said).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(said.map(({ type }) => type)).toEqual(['offer'])
    patient.close()
    vi.useRealTimers()
  })

  it('takes back an offer that never got its answer and makes another', async () => {
    const { agent, wire, pass } = couple()
    agent.peer().restartIce()
    await new Promise((resolve) => setTimeout(resolve))
    expect(wire.splice(0)).toHaveLength(1)
    await agent.negotiator.renew()
    await pass()
    expect(agent.peer().signalingState).toBe('stable')
  })

  it('drops an answer to an offer that is not there any more, and says nothing after it is closed', async () => {
    const { agent, troubles } = couple()
    await agent.negotiator.describe({ type: 'answer', sdp: 'o=- 5 1 IN IP4 0.0.0.0' })
    agent.negotiator.close()
    const apply = vi.spyOn(agent.peer(), 'setRemoteDescription')
    await agent.negotiator.describe({ type: 'offer', sdp: 'o=- 5 1 IN IP4 0.0.0.0' })
    expect(apply).not.toHaveBeenCalled()
    expect(troubles).toEqual([])
  })
})
