// Control's end of the connection to one worker: brings it to the newest IR. One delta is under way at most; what changes meanwhile is
// one delta later, made from the two IRs, so that a worker that does not answer costs a reference and no queue.
import { diffIr, EMPTY_IR } from '../../ir/ir.ts';
import type { Ir } from '../../ir/ir.ts';
import type { ApplyResult } from '../../dataplane/engine.ts';
import { FrameChannel } from '../channel/frame-channel.ts';
import { toWire } from '../channel/wire-delta.ts';
import type { ControlMessage, WorkerMessage } from '../channel/worker-message.ts';
import type { Socket } from 'node:net';

export interface WorkerLinkEvents {
  onHello(link: WorkerLink): void;
  /** It serves what it was asked to, or said why not, or that it will not any more. */
  onSettled(link: WorkerLink): void;
  onMetrics(link: WorkerLink, message: Extract<WorkerMessage, { readonly type: 'metrics' }>): void;
  onResync(link: WorkerLink): void;
  onClose(link: WorkerLink): void;
}

/** How a worker answered to the newest IR. */
export type ApplyAnswer = ApplyResult | { readonly rejection: string };

interface Order {
  readonly ir: Ir;
  /** Orders of the same IR differ: each asks to bind once more what could not be bound. */
  readonly number: number;
}

export class WorkerLink {
  readonly #channel: FrameChannel;
  readonly #events: WorkerLinkEvents;
  #id = '';
  /** What it is known to serve; EMPTY_IR where that is not known. */
  #base: Ir = EMPTY_IR;
  #servedHash: string | undefined = undefined;
  #wanted: Order | undefined = undefined;
  #underWay: Order | undefined = undefined;
  #answered = 0;
  #answer: ApplyAnswer = { failures: [] };
  #isResync = false;
  #isRetiring = false;

  constructor(socket: Socket, events: WorkerLinkEvents) {
    this.#events = events;
    this.#channel = new FrameChannel(socket, {
      onMessage: (message) => this.#onMessage(message as WorkerMessage),
      onClose: () => events.onClose(this),
    });
  }

  /** `''` before its hello. */
  get id(): string {
    return this.#id;
  }

  /** Whether it takes no orders any more. */
  get isRetiring(): boolean {
    return this.#isRetiring;
  }

  /** Whether it serves some configuration, be it an old one. */
  get isServing(): boolean {
    return this.#servedHash !== undefined;
  }

  /** The number of the newest order that it answered. */
  get answered(): number {
    return this.#answered;
  }

  /** To that order. */
  get answer(): ApplyAnswer {
    return this.#answer;
  }

  /** Orders go before all that came earlier and is not sent yet. */
  order(ir: Ir, number: number): void {
    this.#wanted = { ir, number };
    this.#pump();
  }

  askMetrics(request: number): void {
    this.#send({ type: 'askMetrics', request });
  }

  destroy(): void {
    this.#channel.destroy();
  }

  #pump(): void {
    const order = this.#wanted;
    if (order === undefined || this.#underWay !== undefined || this.#id === '' || this.#isRetiring) return;
    // After a restart of control: it serves the same already.
    if (this.#base === EMPTY_IR && !this.#isResync && this.#servedHash === order.ir.hash) this.#base = order.ir;
    this.#wanted = undefined;
    this.#underWay = order;
    this.#send({ type: 'delta', delta: toWire(diffIr(this.#base, order.ir)) });
  }

  #send(message: ControlMessage): void {
    void this.#channel.send(message);
  }

  #onMessage(message: WorkerMessage): void {
    switch (message.type) {
      case 'hello':
        this.#id = message.id;
        this.#servedHash = message.hash;
        this.#events.onHello(this);
        break;
      case 'applied':
        this.#onAnswer(message.result);
        break;
      case 'rejected':
        this.#onAnswer({ rejection: message.message });
        break;
      case 'mismatched':
        this.#onMismatch();
        break;
      case 'retiring':
        this.#isRetiring = true;
        this.#events.onSettled(this);
        break;
      case 'metrics':
        this.#events.onMetrics(this, message);
        break;
    }
  }

  #onAnswer(answer: ApplyAnswer): void {
    const order = this.#underWay;
    if (order === undefined) return;
    this.#underWay = undefined;
    this.#isResync = false;
    if (!('rejection' in answer)) {
      this.#base = order.ir;
      this.#servedHash = order.ir.hash;
    }
    this.#answered = order.number;
    this.#answer = answer;
    this.#events.onSettled(this);
    this.#pump();
  }

  #onMismatch(): void {
    const order = this.#underWay;
    // All of it did not fit either: a defect, and nothing that sending again could mend.
    if (order === undefined || this.#isResync) {
      this.#onAnswer({ rejection: 'it does not take a whole configuration' });
      return;
    }
    this.#underWay = undefined;
    this.#base = EMPTY_IR;
    this.#isResync = true;
    this.#wanted ??= order;
    this.#events.onResync(this);
    this.#pump();
  }
}
