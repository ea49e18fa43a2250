/** Records both sides of a call into one stream of pieces. Knows no network and no storage. */

export const PIECE_MS = 5000
const FPS = 12
const WIDTH = 960
const HEIGHT = 540

const VIDEO_TYPES = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4']
const AUDIO_TYPES = ['audio/webm;codecs=opus', 'audio/webm', 'audio/mp4']

export interface RecorderOptions {
  video: boolean
  piece: (data: Blob) => void
  /** The last piece is out, or the browser gave up. */
  ended: (failed: boolean) => void
}

/** The first of our kinds that this browser can write; undefined when it can write none. */
export function recordingType(video: boolean): string | undefined {
  if (typeof MediaRecorder !== 'function') return undefined
  return (video ? VIDEO_TYPES : AUDIO_TYPES).find((type) => MediaRecorder.isTypeSupported(type))
}

export class CallRecorder {
  readonly type: string
  private readonly context = new AudioContext()
  private readonly mix = this.context.createMediaStreamDestination()
  private sources: MediaStreamAudioSourceNode[] = []
  private readonly screens: { remote: HTMLVideoElement; own: HTMLVideoElement }
  private readonly recorder: MediaRecorder
  private drawing: ReturnType<typeof setInterval> | undefined

  constructor(options: RecorderOptions) {
    const type = recordingType(options.video)
    if (!type) throw new Error('this browser cannot record')
    this.type = type
    this.screens = { remote: silent(), own: silent() }
    const tracks = [...this.mix.stream.getAudioTracks(), ...(options.video ? this.draw() : [])]
    this.recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: type, audioBitsPerSecond: 48_000, videoBitsPerSecond: 700_000 })
    let failed = false
    this.recorder.ondataavailable = ({ data }) => data.size > 0 && options.piece(data)
    this.recorder.onerror = () => (failed = true)
    this.recorder.onstop = () => {
      this.release()
      options.ended(failed)
    }
  }

  /** The streams as they are now; again whenever one changes. */
  attach(own: MediaStream | undefined, remote: MediaStream | undefined, screen?: MediaStream): void {
    for (const source of this.sources) source.disconnect()
    this.sources = [own, remote].filter((stream) => stream !== undefined && stream.getAudioTracks().length > 0).map((stream) => {
      const source = this.context.createMediaStreamSource(new MediaStream((stream as MediaStream).getAudioTracks()))
      source.connect(this.mix)
      return source
    })
    show(this.screens.own, screen ?? own)
    show(this.screens.remote, remote)
  }

  start(): void {
    void this.context.resume()
    this.recorder.start(PIECE_MS)
  }

  stop(): void {
    if (this.recorder.state !== 'inactive') this.recorder.stop()
  }

  /** The other side large, the own in a corner. */
  private draw(): MediaStreamTrack[] {
    const canvas = document.createElement('canvas')
    canvas.width = WIDTH
    canvas.height = HEIGHT
    const pen = canvas.getContext('2d')
    const { remote, own } = this.screens
    this.drawing = setInterval(() => {
      if (!pen) return
      pen.fillStyle = '#111'
      pen.fillRect(0, 0, WIDTH, HEIGHT)
      fit(pen, remote, 0, 0, WIDTH, HEIGHT)
      fit(pen, own, WIDTH - 240 - 12, HEIGHT - 135 - 12, 240, 135)
    }, 1000 / FPS)
    return canvas.captureStream(FPS).getVideoTracks()
  }

  private release(): void {
    clearInterval(this.drawing)
    for (const source of this.sources) source.disconnect()
    for (const element of Object.values(this.screens)) element.srcObject = null
    void this.context.close()
  }
}

function silent(): HTMLVideoElement {
  const element = document.createElement('video')
  element.muted = true
  element.playsInline = true
  return element
}

function show(element: HTMLVideoElement, stream: MediaStream | undefined): void {
  const tracks = stream?.getVideoTracks() ?? []
  element.srcObject = tracks.length ? new MediaStream(tracks) : null
  // A play that is overtaken by the next stream rejects; that one plays.
  if (tracks.length) element.play().catch(() => undefined)
}

function fit(pen: CanvasRenderingContext2D, video: HTMLVideoElement, x: number, y: number, width: number, height: number): void {
  const { videoWidth, videoHeight } = video
  if (!videoWidth || !videoHeight) return
  const scale = Math.min(width / videoWidth, height / videoHeight)
  const [w, h] = [videoWidth * scale, videoHeight * scale]
  pen.drawImage(video, x + (width - w) / 2, y + (height - h) / 2, w, h)
}
