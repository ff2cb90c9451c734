/** As much of a browser's XMLHttpRequest as the npm dicomweb-client uses; it says what was sent as a browser would. */
export class XmlHttpRequest {
  readyState = 0;
  status = 0;
  response: unknown = null;
  responseType = '';
  onreadystatechange: (() => void) | null = null;
  #method = 'GET';
  #url = '';
  readonly #headers = new Headers();
  #answered = new Headers();

  open(method: string, url: string): void {
    this.#method = method.toUpperCase();
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers.append(name, value);
  }

  getResponseHeader(name: string): string | null {
    return this.#answered.get(name);
  }

  getAllResponseHeaders(): string {
    return [...this.#answered].map(([name, value]) => `${name}: ${value}`).join('\r\n');
  }

  send(body?: RequestInit['body']): void {
    void this.#send(body);
  }

  async #send(body: RequestInit['body']): Promise<void> {
    const answer = await fetch(this.#url, {
      method: this.#method,
      headers: this.#headers,
      ...(body === undefined || body === null ? {} : { body }),
    });
    const bytes = await answer.arrayBuffer();
    const text = new TextDecoder().decode(bytes);
    this.status = answer.status;
    this.#answered = answer.headers;
    if (this.responseType === 'arraybuffer') this.response = bytes;
    else this.response = this.responseType === 'json' && text !== '' ? JSON.parse(text) : text;
    this.readyState = 4;
    this.onreadystatechange?.();
  }
}
