// A record taken apart: what the agent did, turn by turn. A turn is an answer of the model and what came of it.

/** Reads the lines of a record; a line that is none is kept as it is. What a file says once is said again where it stood. */
export function parse(text) {
  const records = [], calls = new Map();
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (!line) continue;
    try {
      const record = JSON.parse(line);
      restore(record, calls);
      Object.defineProperty(record, 'line', {value: number});
      records.push(record);
    } catch (err) {
      records.push({type: 'unreadable', line: number, text: line, why: String(err.message)});
    }
  }
  return records;
}

/** Undoes what `page/compact.rs` does. */
function restore(record, calls) {
  if (record.type === 'completion') {
    for (const call of record.completion.message.tool_calls ?? []) {
      if (typeof call.arguments !== 'string') call.arguments = JSON.stringify(call.arguments);
      calls.set(call.id, call);
    }
  } else if (record.type === 'observation') {
    if (typeof record.call === 'string') record.call = calls.get(record.call) ?? {id: record.call, name: '', arguments: ''};
    const {observation, extra} = record;
    if (observation?.text && typeof observation.text === 'object') {
      const {output: key} = observation.text, output = extra.output;
      observation.text = key === null ? (typeof output === 'string' ? output : JSON.stringify(output)) : output[key];
    }
  }
}

/** Returns a record as its file had it. */
export const written = (text) => parse(text).map((record) => record.type === 'unreadable' ? record.text : JSON.stringify(record)).join('\n');

const RETURNED = /<returncode>\s*(-?\d+)\s*<\/returncode>|\(exit(?:ed with)? code:? (-?\d+)\)|\[(?:Command finished|The command completed) with exit code (-?\d+)/;

function reply(record, number) {
  if (record.type === 'observation') {
    const {call, observation, shown, seconds, extra, restored} = record;
    return {record: number, call, text: observation.text ?? '', shown: shown ?? null, exit: observation.exit_code ?? null, error: !!observation.is_error, seconds: seconds || 0, extra, restored: !!restored};
  }
  const {message, extra, restored} = record, found = RETURNED.exec(message.content || '');
  const exit = found ? Number(found[1] ?? found[2] ?? found[3]) : null;
  return {record: number, role: message.role, text: message.content ?? '', shown: null, exit, error: false, seconds: 0, extra, restored: !!restored};
}

/** Returns the header, the outcome and the turns of an episode. */
export function turns(records) {
  const found = {records, header: null, outcome: null, turns: [], path: []};
  let state = '', before = [], notes = [], begins = true;
  const now = () => found.turns.at(-1);
  records.forEach((record, number) => {
    switch (record.type) {
      case 'header': found.header = record; break;
      case 'outcome': found.outcome = record; break;
      case 'conversation':
        state = record.name;
        found.path.push({state, turn: found.turns.length, step: record.step});
        begins = true;
        break;
      case 'message':
        if (begins || !now()) before.push(reply(record, number)); else now().after.push(reply(record, number));
        break;
      case 'completion': {
        const {completion, view, seconds, step, restored} = record, {message} = completion;
        found.turns.push({
          number: found.turns.length, step, record: number, state: state || completion.served?.body?.state_name || '', begins, before, notes, after: [], view: view ?? null, restored: !!restored,
          text: message.content ?? '', calls: message.tool_calls ?? [], thought: thought(message, completion), usage: completion.usage ?? {}, cost: completion.cost ?? null,
          finish: completion.finish_reason, malformed: completion.malformed ?? null, seconds: seconds || 0, served: completion.served ?? null,
        });
        [before, notes, begins] = [[], [], false];
        break;
      }
      case 'observation': (now() ? now().after : before).push(reply(record, number)); break;
      default: (now() && !begins ? now().notes : notes).push({record: number, ...record});
    }
  });
  found.rest = before;
  found.lastNotes = notes;
  const root = found.header?.root;
  for (const turn of found.turns) Object.assign(turn, facts(turn, root?.length > 1 ? root : null));
  if (!found.path.length) found.path = found.turns.filter(({state: now}, place) => now && now !== found.turns[place - 1]?.state).map(({state: now, number, step}) => ({state: now, turn: number, step}));
  return found;
}

/** Returns what a model thought before it answered, where its server sent that. */
function thought(message, completion) {
  const {reasoning_content: content, reasoning} = message.extras?.message ?? completion.served?.message ?? {};
  const found = content ?? reasoning;
  return typeof found === 'string' ? found : '';
}

function facts(turn, root) {
  const waited = turn.after.reduce((sum, one) => sum + one.seconds, 0);
  const failed = turn.after.find((one) => one.error || (one.exit !== null && one.exit !== 0));
  return {toolSeconds: waited, failed: failed ? (failed.error ? 'refused' : 'exit ' + failed.exit) : null, action: action(turn, root)};
}

/** Returns the value of arguments as the model wrote them; null where that is no JSON. */
export function args(call) {
  try {
    const value = JSON.parse(call.arguments);
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Arguments that tell best what a call does. */
const TELLING = ['command', 'cmd', 'code', 'query', 'pattern', 'path', 'file_path', 'file', 'name', 'title', 'thought', 'scratch_pad', 'message'];

/** Returns what a turn does in one line, and what two turns have in common when they do the same. Where a repository lies differs from episode to episode, and stands as a point. */
function action(turn, root) {
  const found = bare(turn);
  return root ? {...found, line: found.line.replaceAll(root, '.'), key: found.key.replaceAll(root, '.')} : found;
}

function bare(turn) {
  const {calls, text} = turn;
  if (calls.length) {
    const one = (call) => {
      const given = args(call);
      if (!given) return call.name + ' ' + call.arguments;
      const lead = ['command', 'view', 'create', 'str_replace', 'insert'].includes(given.command) && given.path ? given.command + ' ' + given.path : null;
      const key = TELLING.find((name) => typeof given[name] === 'string' && given[name]);
      return call.name + ' ' + (lead ?? (key ? given[key] : JSON.stringify(given)));
    };
    return {tool: calls.map((call) => call.name).join(', '), line: calls.map(one).join(' \u00b7 ').replace(/\s+/g, ' ').slice(0, 300), key: JSON.stringify(calls.map((call) => [call.name, args(call) ?? call.arguments]))};
  }
  const blocks = text.split('```').filter((_, place) => place % 2 === 1).map((block) => block.replace(/^[^\n]*\n/, '').trim());
  const shown = blocks.at(-1) ?? text.trim();
  return {tool: blocks.length ? 'command' : 'text', line: shown.replace(/\s+/g, ' ').slice(0, 300), key: shown.trim()};
}

/** Returns the messages that the request of an answer held, as the model was sent them. */
export function request(records, upTo) {
  const history = [];
  for (let n = 0; n < upTo; n++) {
    const record = records[n];
    if (record.type === 'header' || record.type === 'conversation') history.length = 0;
    else if (record.type === 'message') history.push(record.message);
    else if (record.type === 'completion') history.push(record.completion.message);
    else if (record.type === 'observation') history.push({role: 'tool', content: record.shown ?? record.observation.text, tool_call_id: record.call.id, name: record.call.name});
  }
  const view = records[upTo]?.view;
  if (!view) return history;
  const user = history.findIndex((message) => message.role === 'user'), head = user + 1, from = head + (view.dropped || 0);
  const results = history.flatMap((message, place) => message.role === 'tool' ? [place] : []);
  const keep = view.observations == null ? results.length : Math.min(view.observations, results.length);
  const firstShown = results[results.length - keep] ?? history.length;
  return history.flatMap((message, place) => {
    if (place >= head && place < from) return [];
    return [message.role === 'tool' && place < firstShown ? {...message, content: view.masked ?? ''} : message];
  });
}

/** Returns where a text was clipped: how many characters of it were shown from its beginning and its end. */
export function clipped(text, shown) {
  if (shown === null || shown === text) return null;
  const most = Math.min(text.length, shown.length);
  let head = 0, tail = 0;
  while (head < most && text[head] === shown[head]) head++;
  while (tail < most - head && text[text.length - 1 - tail] === shown[shown.length - 1 - tail]) tail++;
  return {head, tail, gone: text.length - head - tail};
}
