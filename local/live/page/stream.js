// The stream of frames. The browser comes back by itself and tells the last event that it had; where it gives up, we open anew.

const SILENT_MS = 25_000; // the server sends something every ten seconds

export class Stream {
  constructor(handlers) {
    this.handlers = handlers;
    this.lastId = "";
    this.lostSince = null;
    this.open();
    setInterval(() => this.check(), 2_000);
    addEventListener("online", () => this.reopen());
    document.addEventListener("visibilitychange", () => document.hidden || this.check());
  }

  open() {
    const after = this.lastId ? `?after=${encodeURIComponent(this.lastId)}` : "";
    this.source = new EventSource(`/events${after}`);
    this.heardAt = Date.now();
    this.source.onopen = () => this.heard();
    this.source.onerror = () => this.lost();
    for (const name of ["about", "line", "whole", "change", "status", "beat"]) {
      this.source.addEventListener(name, (event) => {
        if (event.lastEventId) this.lastId = event.lastEventId;
        this.heard();
        this.handlers[name]?.(JSON.parse(event.data));
      });
    }
  }

  heard() {
    this.heardAt = Date.now();
    if (this.lostSince === null && this.wasOpen) return;
    this.lostSince = null;
    this.wasOpen = true;
    this.handlers.connected();
  }

  lost() {
    if (this.lostSince === null) {
      this.lostSince = new Date();
      this.handlers.disconnected(this.lostSince);
    }
  }

  check() {
    const isSilent = Date.now() - this.heardAt > SILENT_MS;
    if (isSilent) this.lost();
    if (isSilent || this.source.readyState === EventSource.CLOSED) this.reopen();
  }

  reopen() {
    this.source.close();
    this.open();
  }
}
