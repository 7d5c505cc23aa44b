// Works an org as a program built on jsforce would; prints what it saw as one JSON document.
import { Connection, OAuth2 } from '@jsforce/jsforce-node';

const org = JSON.parse(process.argv[2]);
const version = '62.0';
const seen = {};

/** Give what an attempt was refused with. */
async function refusal(attempt) {
  try {
    await attempt();
  } catch (error) {
    return { code: error.errorCode ?? error.message.split(':')[0], message: error.message };
  }
  return { code: 'none' };
}

async function signIn() {
  const bySoap = new Connection({ loginUrl: org.tls_url, version });
  const user = await bySoap.login(org.username, org.password);
  seen.soap = { user: user.id, organization: user.organizationId, same: bySoap.instanceUrl === org.tls_url };
  seen.soapRefused = await refusal(() => new Connection({ loginUrl: org.tls_url, version }).login(org.username, 'no'));

  const keys = { loginUrl: org.tls_url, clientId: org.client_id, clientSecret: org.client_secret };
  const byPassword = new Connection({ oauth2: new OAuth2(keys), version });
  await byPassword.login(org.username, org.password);
  seen.identity = (await byPassword.identity()).username;

  const renewed = [];
  const stale = new Connection({
    oauth2: keys, instanceUrl: org.url, accessToken: '00D!stale', refreshToken: org.refresh_token, version,
  });
  stale.on('refresh', (token) => renewed.push(token));
  const counted = await stale.query('SELECT COUNT() FROM Lead');
  seen.refreshed = { times: renewed.length, leads: counted.totalSize };

  const byClient = await new OAuth2(keys).requestToken({ grant_type: 'client_credentials' });
  seen.clientCredentials = typeof byClient.access_token;
}

async function read(conn) {
  const all = await conn.query('SELECT Id, Email, Owner.Name FROM Lead ORDER BY Id', { autoFetch: true, maxFetch: 5000 });
  seen.leads = { total: all.totalSize, fetched: all.records.length, owner: typeof all.records[0].Owner.Name };
  const found = await conn.sobject('Contact').find({ Email: { $ne: null } }, 'Id, Account.Name').limit(3);
  seen.contacts = found.map((row) => row.attributes.type);
  const nested = await conn.query(
    'SELECT Name, (SELECT Id, LastName FROM Contacts ORDER BY LastName LIMIT 2) FROM Account '
    + 'WHERE Id IN (SELECT AccountId FROM Contact) LIMIT 2');
  seen.nested = nested.records.map((row) => row.Contacts.records.length);
  const groups = await conn.query('SELECT Status, COUNT(Id) n FROM Lead GROUP BY Status ORDER BY Status');
  seen.groups = groups.records.reduce((sum, row) => sum + row.n, 0);
  seen.counted = await conn.sobject('Lead').count();
  const ids = all.records.slice(0, 3).map((row) => row.Id);
  seen.retrieved = (await conn.sobject('Lead').retrieve(ids)).map((row) => row.Id).join() === ids.join();
  seen.describe = (await conn.sobject('Lead').describe()).fields.some((field) => field.name === 'Email');
  seen.global = (await conn.describeGlobal()).sobjects.some((object) => object.name === 'Campaign');
  seen.usage = conn.limitInfo.apiUsage;
  seen.limits = (await conn.limits()).DailyApiRequests.Max;
  seen.badField = await refusal(() => conn.query('SELECT Nonsense FROM Lead'));
  seen.badQuery = await refusal(() => conn.query('SELECT Id FROM'));
  seen.badObject = await refusal(() => conn.sobject('Nonsense').describe());
}

async function write(conn) {
  const leads = conn.sobject('Lead');
  const one = await leads.create({ LastName: 'Judge', Company: 'Court' });
  seen.created = one;
  seen.updated = (await leads.update({ Id: one.id, City: 'Ulm' })).success;
  seen.city = (await leads.retrieve(one.id)).City;
  seen.required = await refusal(() => leads.create({ City: 'Ulm' }));
  const many = await leads.create([
    { LastName: 'A', Company: 'Court' }, { LastName: 'B' }, { LastName: 'C', Company: 'Court' },
  ]);
  seen.many = many.map((result) => result.success);
  seen.manyError = many[1].errors[0].statusCode;
  const strict = await leads.create([{ LastName: 'D', Company: 'Court' }, { LastName: 'E' }], { allOrNone: true });
  seen.rolledBack = strict[0].errors[0].statusCode;
  const contacts = conn.sobject('Contact');
  const key = { LastName: 'Keyed', External_Id__c: 'judge-1' };
  seen.upserts = [await contacts.upsert(key, 'External_Id__c'), await contacts.upsert(key, 'External_Id__c')];
  const several = [{ ...key }, { LastName: 'Other', External_Id__c: 'judge-2' }];
  seen.upsertMany = (await contacts.upsert(several, 'External_Id__c')).map((result) => result.success);
  seen.deleted = (await leads.destroy([one.id, many[0].id])).map((result) => result.success);
  const composite = await conn.requestPost(`/services/data/v${version}/composite`, {
    allOrNone: true,
    compositeRequest: [
      { method: 'POST', url: `/services/data/v${version}/sobjects/Account`, referenceId: 'firm', body: { Name: 'Judged' } },
      {
        method: 'POST', url: `/services/data/v${version}/sobjects/Contact`, referenceId: 'person',
        body: { LastName: 'Of it', AccountId: '@{firm.id}' },
      },
    ],
  });
  seen.composite = composite.compositeResponse.map((part) => part.httpStatusCode);
}

async function bulk(conn) {
  const rows = Array.from({ length: 250 }, (_, at) => ({ LastName: `Bulk "${at}",\n`, Company: at === 7 ? '' : 'Court' }));
  const results = await conn.bulk2.loadAndWaitForResults({
    object: 'Lead', operation: 'insert', input: rows, pollTimeout: 30_000, pollInterval: 200,
  });
  seen.bulk = {
    good: results.successfulResults.length, bad: results.failedResults.length,
    unprocessed: results.unprocessedRecords.length, error: results.failedResults[0].sf__Error.split(':')[0],
  };
  const stream = await conn.bulk2.query("SELECT Id, LastName FROM Lead WHERE LastName LIKE 'Bulk%'", {
    pollTimeout: 30_000, pollInterval: 200,
  });
  const found = await stream.toArray();
  seen.bulkQuery = { rows: found.length, exact: found.some((row) => row.LastName === 'Bulk "3",') };
}

async function people(conn) {
  // an assignment rule would give the lead to a queue, and what a queue owns cannot be converted without an owner
  const lead = { LastName: 'Buyer', Company: 'Bought' };
  const queued = await conn.sobject('Lead').create(lead);
  const [refused] = [await conn.soap.convertLead([{ leadId: queued.id, convertedStatus: 'Closed - Converted' }])].flat();
  seen.convertRefused = [refused.errors].flat()[0].statusCode;
  const ownerId = (await conn.identity()).user_id;
  const [done] = [await conn.soap.convertLead([{
    leadId: queued.id, convertedStatus: 'Closed - Converted', ownerId, opportunityName: 'First order',
  }])].flat();
  const after = await conn.sobject('Lead').retrieve(queued.id);
  seen.converted = {
    success: done.success, account: after.ConvertedAccountId === done.accountId,
    contact: after.ConvertedContactId === done.contactId, deal: after.ConvertedOpportunityId === done.opportunityId,
    status: after.Status, named: (await conn.sobject('Opportunity').retrieve(done.opportunityId)).Name,
  };
  seen.convertedEdit = await refusal(() => conn.sobject('Lead').update({ Id: queued.id, City: 'Ulm' }));

  const [kept, lost] = await conn.sobject('Account').create([{ Name: 'Kept' }, { Name: 'Lost' }]);
  const child = await conn.sobject('Contact').create({ LastName: 'Moves', AccountId: lost.id });
  const [merged] = [await conn.soap.merge([{ masterRecord: { type: 'Account', Id: kept.id }, recordToMergeIds: [lost.id] }])]
    .flat();
  seen.merged = {
    success: merged.success, ids: [merged.mergedRecordIds].flat().join() === lost.id,
    child: (await conn.sobject('Contact').retrieve(child.id)).AccountId === kept.id,
  };
  const all = await conn.query(`SELECT MasterRecordId FROM Account WHERE Id = '${lost.id}'`, { scanAll: true });
  seen.master = all.records[0].MasterRecordId === kept.id;
  await conn.sobject('Contact').destroy(child.id);
  seen.undeleted = [await conn.soap.undelete([child.id])].flat()[0].success;
  const since = new Date(Date.parse((await conn.soap.getServerTimestamp()).timestamp) - 3_600_000);
  const soon = new Date(since.getTime() + 3_660_000);
  seen.updated = (await conn.sobject('Contact').updated(since, soon)).ids.includes(child.id);
  seen.trash = (await conn.sobject('Account').deleted(since, soon)).deletedRecords.some((row) => row.id === lost.id);
}

async function absent(conn) {
  // what the org has not is refused by name, never with a 401 that would set the client signing in again
  const attempts = [
    () => conn.bulk.load('Lead', 'insert', [{ LastName: 'Older', Company: 'Bulk' }]),
    () => conn.search('FIND {Ada} RETURNING Lead(Id)'),
    () => conn.sobject('Lead').layouts(),
    () => conn.sobject('Case').describe(),
    () => conn.query('SELECT Id FROM Lead').explain(),
    () => conn.analytics.reports(),
    () => conn.tooling.executeAnonymous('x'),
    () => conn.soap.emptyRecycleBin(['001000000000000AAA']),
  ];
  const words = [];
  for (const attempt of attempts) words.push((await refusal(attempt)).message.includes('The sandbox does not have this: '));
  seen.absent = words;
}

async function metadata(conn) {
  const field = { fullName: 'Lead.Judged__c', label: 'Judged', type: 'Text', length: 20, externalId: true, unique: true };
  seen.metadata = (await conn.metadata.create('CustomField', field)).success;
  const visible = async () => (await conn.describe('Lead')).fields.some((one) => one.name === 'Judged__c');
  // a field made by the API is nobody's to see before somebody is given the right
  seen.before = await visible();
  const set = await conn.sobject('PermissionSet').create({ Name: 'Judges', Label: 'Judges' });
  await conn.sobject('FieldPermissions').create({
    ParentId: set.id, SobjectType: 'Lead', Field: 'Lead.Judged__c', PermissionsRead: true, PermissionsEdit: true,
  });
  const assignee = (await conn.identity()).user_id;
  await conn.sobject('PermissionSetAssignment').create({ AssigneeId: assignee, PermissionSetId: set.id });
  seen.after = await visible();
  const tooling = await conn.tooling.query("SELECT DeveloperName FROM CustomField WHERE DeveloperName = 'Judged'");
  seen.tooling = tooling.records.map((row) => row.DeveloperName);
}

const conn = new Connection({ instanceUrl: org.url, accessToken: org.access_token, version });
seen.failed = {};
for (const part of [signIn, read, write, bulk, people, absent, metadata]) {
  try {
    await part(conn);
  } catch (error) {
    seen.failed[part.name] = error.stack;
  }
}
console.log(JSON.stringify(seen));
