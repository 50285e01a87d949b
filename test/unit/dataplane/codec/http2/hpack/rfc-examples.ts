// The examples of RFC 7541 appendix C: blocks of one connection each, as they are on the wire, and what they mean.

export interface RfcExample {
  readonly section: string;
  readonly maxTableBytes: number;
  readonly blocks: readonly { readonly hex: string; readonly fields: readonly string[] }[];
}

const FIRST_REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const REQUESTS = [
  FIRST_REQUEST,
  [...FIRST_REQUEST, 'cache-control', 'no-cache'],
  // oxfmt-ignore
  [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com', 'custom-key', 'custom-value'],
];

const LOCATION = ['location', 'https://www.example.com'];
const DATE = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const RESPONSES = [
  [':status', '302', 'cache-control', 'private', ...DATE, ...LOCATION],
  [':status', '307', 'cache-control', 'private', ...DATE, ...LOCATION],
  // oxfmt-ignore
  [
    ':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT', ...LOCATION, 'content-encoding', 'gzip',
    'set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

export const RFC_EXAMPLES: readonly RfcExample[] = [
  example('C.2.1', 4096, ['400a637573746f6d2d6b65790d637573746f6d2d686561646572'], [['custom-key', 'custom-header']]),
  example('C.2.2', 4096, ['040c2f73616d706c652f70617468'], [[':path', '/sample/path']]),
  example('C.2.3', 4096, ['100870617373776f726406736563726574'], [['password', 'secret']]),
  example('C.2.4', 4096, ['82'], [[':method', 'GET']]),
  example(
    'C.3',
    4096,
    [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    REQUESTS,
  ),
  example(
    'C.4',
    4096,
    [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
    REQUESTS,
  ),
  example(
    'C.5',
    256,
    [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    RESPONSES,
  ),
  example(
    'C.6',
    256,
    [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
    RESPONSES,
  ),
];

function example(
  section: string,
  maxTableBytes: number,
  hexes: readonly string[],
  sections: readonly (readonly string[])[],
): RfcExample {
  const blocks = hexes.map((hex, i) => ({ hex, fields: sections[i] as readonly string[] }));
  return { section, maxTableBytes, blocks };
}
