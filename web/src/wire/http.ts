/** The REST side: JSON in, JSON or a problem out. */

/** One thing that is wrong with what was sent, with its place. */
export interface Finding {
  line?: number
  column?: number
  field?: string
  detail: string
}

export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS: number,
    readonly errors: readonly Finding[] = [],
  ) {
    super(detail || code)
    this.name = 'HttpProblem'
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Answer<T> {
  json: T
  text: string
  /** The mark of the state that was told, for `match`. */
  mark: string | undefined
}

export interface Asking {
  /** JSON, or text with its type. */
  body?: unknown
  type?: string
  csrf?: string
  /** The mark of the state that may be replaced. */
  match?: string
  /** What makes the request harmless when it is sent twice. */
  once?: string
}

export async function ask<T>(method: Method, path: string, { body, type, csrf, match, once }: Asking = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = type ?? 'application/json'
  if (csrf) headers['X-CSRF-Token'] = csrf
  if (match) headers['If-Match'] = match
  if (once) headers['Idempotency-Key'] = once
  const init: RequestInit = { method, headers, credentials: 'same-origin' }
  if (body !== undefined) init.body = type ? String(body) : JSON.stringify(body)
  const response = await fetch(path, init)
  const text = await response.text()
  let json: unknown
  try {
    json = text ? JSON.parse(text) : undefined
  } catch {
    json = undefined
  }
  if (!response.ok) {
    const problem = (json ?? {}) as { code?: string; detail?: string; title?: string; errors?: Finding[] }
    throw new HttpProblem(response.status, problem.code ?? `http_${response.status}`, problem.detail ?? problem.title ?? '', Number(response.headers.get('Retry-After') ?? 0), problem.errors)
  }
  return { json: json as T, text, mark: response.headers.get('ETag') ?? undefined }
}

export async function call<T>(method: Method, path: string, body?: unknown, csrf?: string): Promise<T> {
  return (await ask<T>(method, path, { body, ...(csrf && { csrf }) })).json
}

/** The socket address beside this page. */
export function socketUrl(path: string, location: { protocol: string; host: string } = window.location): string {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${path}`
}
