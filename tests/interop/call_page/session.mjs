// What follows in a session: who is there, the verse, the queue, the timer.

export class Session {
  members = new Set();
  verse = null;
  queue = null;
  timer = null;

  hear(event) {
    switch (event.what) {
      case 'joined':
        this.members = new Set(event.members);
        break;
      case 'arrived':
        this.members.add(event.id);
        break;
      case 'left':
        this.members.delete(event.id);
        break;
      case 'verse':
      case 'queue':
        this[event.what] = event.value;
        break;
      case 'timer':
        this.timer = event;
        break;
      default:
    }
  }
}
