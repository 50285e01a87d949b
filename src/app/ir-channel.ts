// How IRs get from the side that translates to the side that serves: as deltas with base and hash. Both sides may live in one process
// or in two; a side that lost track asks for everything.
import { applyDelta, DeltaMismatchError, diffIr, EMPTY_IR } from '../ir/ir.ts';
import type { Delta, Ir } from '../ir/ir.ts';
import type { ApplyResult } from '../dataplane/engine.ts';

/** The serving side. */
export interface IrReceiver {
  /** @throws DeltaMismatchError when it does not hold the base. */
  receive(delta: Delta): Promise<ApplyResult>;
}

export class EngineReceiver implements IrReceiver {
  readonly #engine: { apply(ir: Ir): Promise<ApplyResult> };
  #ir: Ir = EMPTY_IR;

  constructor(engine: { apply(ir: Ir): Promise<ApplyResult> }) {
    this.#engine = engine;
  }

  /** What is served. */
  get ir(): Ir {
    return this.#ir;
  }

  async receive(delta: Delta): Promise<ApplyResult> {
    const ir = delta.baseHash === EMPTY_IR.hash ? this.#replaced(delta) : applyDelta(this.#ir, delta);
    const result = await this.#engine.apply(ir);
    this.#ir = ir;
    return result;
  }

  /** A whole configuration, in which what did not change stays the same object: nothing of it is compiled again. */
  #replaced(whole: Delta): Ir {
    return applyDelta(this.#ir, diffIr(this.#ir, applyDelta(EMPTY_IR, whole)));
  }
}

/** The translating side: sends what changed since what the receiver acknowledged last. */
export class IrPublisher {
  readonly #receiver: IrReceiver;
  #acknowledged: Ir = EMPTY_IR;

  constructor(receiver: IrReceiver) {
    this.#receiver = receiver;
  }

  /** @throws Error when the receiver could not apply it; it goes on with what it had. */
  async publish(ir: Ir): Promise<ApplyResult> {
    let result: ApplyResult;
    try {
      result = await this.#receiver.receive(diffIr(this.#acknowledged, ir));
    } catch (error) {
      if (!(error instanceof DeltaMismatchError)) throw error;
      result = await this.#receiver.receive(diffIr(EMPTY_IR, ir));
    }
    this.#acknowledged = ir;
    return result;
  }
}
