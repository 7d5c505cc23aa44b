// Works a portal as a program built on HubSpot's own Node client would; prints what it saw as one JSON document.
import { Client } from '@hubspot/api-client';

const portal = JSON.parse(process.argv[2]);
const seen = { failed: {} };
const client = new Client({ accessToken: portal.token, basePath: portal.url });
const { contacts, companies, objects } = client.crm;

/** Give status and category of what an attempt was refused with. */
async function refusal(attempt) {
  try {
    await attempt();
  } catch (error) {
    const body = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    return { status: error.code, category: body.category, correlated: typeof body.correlationId, text: body.message };
  }
  return { status: 200 };
}

async function signIn() {
  const open = new Client({ basePath: portal.url });
  const renewed = await open.oauth.tokensApi.create(
    'refresh_token', undefined, undefined, portal.client_id, portal.client_secret, portal.refresh_token);
  const used = new Client({ accessToken: renewed.accessToken, basePath: portal.url });
  seen.oauth = { expires: renewed.expiresIn, read: (await used.crm.contacts.basicApi.getPage(1)).results.length };
  const stranger = new Client({ accessToken: 'pat-na1-wrong', basePath: portal.url });
  seen.stranger = await refusal(() => stranger.crm.contacts.basicApi.getPage(1));
}

async function read() {
  const all = await contacts.getAll(100, undefined, ['email']);
  seen.contacts = { all: all.length, distinct: new Set(all.map((row) => row.id)).size };
  const page = await companies.basicApi.getPage(5, undefined, ['name', 'domain']);
  seen.companies = { rows: page.results.length, named: page.results.every((row) => row.properties.name) };
  const searched = await contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'email', operator: 'HAS_PROPERTY' }] }],
    sorts: ['hs_object_id'], properties: ['email'], limit: 10, after: '0',
  });
  seen.search = { rows: searched.results.length, total: searched.total };
  seen.owners = (await client.crm.owners.ownersApi.getPage(undefined, undefined, 100)).results.length;
  seen.pipelines = (await client.crm.pipelines.pipelinesApi.getAll('deals')).results.length;
  seen.property = (await client.crm.properties.coreApi.getByName('contacts', 'lifecyclestage')).type;
  seen.missing = await refusal(() => contacts.basicApi.getById('999999999999'));
}

async function write() {
  const made = await contacts.basicApi.create({ properties: { email: 'judge@court.example', firstname: 'J' } });
  seen.again = await refusal(() => contacts.basicApi.create({ properties: { email: 'JUDGE@court.example' } }));
  const changed = await contacts.basicApi.update(made.id, { properties: { firstname: 'Judge' } });
  seen.changed = changed.properties.firstname;
  seen.refused = await refusal(() => contacts.basicApi.update(made.id, { properties: { no_such_property: '1' } }));
  const batch = await contacts.batchApi.upsert({
    inputs: [
      { id: 'judge@court.example', idProperty: 'email', properties: { lastname: 'One' } },
      { id: 'other@court.example', idProperty: 'email', properties: { lastname: 'Two' } },
    ],
  });
  seen.upserted = { status: batch.status, fresh: batch.results.map((row) => row._new).sort() };
  const ids = batch.results.map((row) => ({ id: row.id }));
  const firm = await companies.basicApi.create({ properties: { name: 'Court', domain: 'court.example' } });
  await client.crm.associations.v4.basicApi.createDefault('contacts', made.id, 'companies', firm.id);
  const linked = await client.crm.associations.v4.basicApi.getPage('contacts', made.id, 'companies');
  seen.linked = linked.results.map((row) => String(row.toObjectId) === firm.id);
  const task = await objects.basicApi.create('tasks', {
    properties: { hs_task_subject: 'Call', hs_timestamp: '2026-03-03T10:00:00Z' },
    associations: [{ to: { id: made.id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 204 }] }],
  });
  seen.task = task.properties.hs_task_subject;
  const loser = ids.find((row) => row.id !== made.id);
  const merged = await contacts.basicApi.merge({ primaryObjectId: made.id, objectIdToMerge: loser.id });
  const survivor = await contacts.basicApi.getById(merged.id, ['hs_merged_object_ids', 'hs_additional_emails']);
  seen.merged = survivor.properties.hs_merged_object_ids.split(';').includes(loser.id);
  await contacts.batchApi.archive({ inputs: [{ id: merged.id }] });
  seen.gone = await refusal(() => contacts.basicApi.getById(merged.id));
}

async function build() {
  await client.crm.properties.groupsApi.create('contacts', { name: 'judges', label: 'Judges', displayOrder: -1 });
  const property = await client.crm.properties.coreApi.create('contacts', {
    name: 'judged_key', label: 'Key', type: 'string', fieldType: 'text', groupName: 'judges', hasUniqueValue: true,
  });
  seen.unique = property.hasUniqueValue;
  const list = await client.crm.lists.listsApi.create({ name: 'Judged', objectTypeId: '0-1', processingType: 'MANUAL' });
  const member = await contacts.basicApi.create({ properties: { email: 'listed@court.example' } });
  await client.crm.lists.membershipsApi.add(list.list.listId, [member.id]);
  const members = await client.crm.lists.membershipsApi.getPage(list.list.listId);
  seen.members = members.results.map((row) => row.recordId === member.id);
  seen.forms = (await client.marketing.forms.formsApi.getPage()).results.length;
}

for (const part of [signIn, read, write, build]) {
  try {
    await part();
  } catch (error) {
    seen.failed[part.name] = error.stack;
  }
}
console.log(JSON.stringify(seen));
