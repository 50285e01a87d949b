// Values by path prefix, whole segments at a time. A look-up takes at most as many steps as the longest prefix has segments, whatever
// the number of prefixes and the length of the path.

export class SegmentNode<V> {
  readonly values: V[] = [];
  /** The prefix that is one segment shorter. */
  readonly parent: SegmentNode<V> | undefined;
  #children: Map<string, SegmentNode<V>> | undefined;

  constructor(parent: SegmentNode<V> | undefined) {
    this.parent = parent;
  }

  child(segment: string): SegmentNode<V> | undefined {
    return this.#children?.get(segment);
  }

  addChild(segment: string): SegmentNode<V> {
    const child = new SegmentNode<V>(this);
    this.#children ??= new Map();
    this.#children.set(segment, child);
    return child;
  }
}

export class SegmentTrie<V> {
  readonly #root = new SegmentNode<V>(undefined);

  /** The node of `prefix`, made where there is none. It starts with `/` and does not end with it, unless it is `/`. */
  add(prefix: string): SegmentNode<V> {
    let node = this.#root;
    if (prefix === '/') return node;
    for (const segment of prefix.slice(1).split('/')) node = node.child(segment) ?? node.addChild(segment);
    return node;
  }

  /** The node of the longest known prefix of `path`; its parents are the shorter ones. Nodes on the way may hold no value. */
  find(path: string): SegmentNode<V> {
    let node = this.#root;
    let start = 1;
    while (start < path.length) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const child = node.child(path.slice(start, end));
      if (child === undefined) break;
      node = child;
      start = end + 1;
    }
    return node;
  }
}
