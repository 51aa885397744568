// An SMS centre that is none of ours: node-smpp reads and writes every octet; only what it says stands here.
//
//     node centre.js PORT FILE ACCOUNT FAULTS
//
// It prints its port, adds each text to FILE as a line of JSON, and ends when its standard input does. A number that
// ends in 0000 is refused, one that ends in 77 is not reached, and to one that begins with 910999999 texts are tried
// until they are cancelled. ACCOUNT is name:password. FAULTS is JSON: {"perSecond": 20}
// throttles beyond that, {"loses": 3} takes the third submit and ends the connection before the answer.
"use strict";
const fs = require("fs");
const smpp = require("smpp");

const [port, file, account, faults] = process.argv.slice(2);
const {perSecond = Infinity, loses = 0} = JSON.parse(faults);
smpp.addTLV("dlt_entity", {id: 0x1400, type: smpp.types.tlv.string});
smpp.addTLV("dlt_template", {id: 0x1401, type: smpp.types.tlv.string});

const texts = new Map(); // of which some parts have come
const trying = new Map(); // what is not delivered yet: id -> submit_sm
const due = []; // receipts
let sessions = [];
let submits = 0;
let second = 0;
let inSecond = 0;

function isTooFast() {
    const now = Math.floor(Date.now() / 1000);
    [second, inSecond] = now === second ? [now, inSecond + 1] : [now, 1];
    return inSecond > perSecond;
}

function keep(pdu, text, parts) {
    const line = {
        to: pdu.destination_addr,
        sender: pdu.source_addr,
        text,
        parts,
        dlt_entity: pdu.dlt_entity,
        dlt_template: pdu.dlt_template,
        valid_s: Math.round((pdu.validity_period - Date.now()) / 1000),
    };
    fs.appendFileSync(file, JSON.stringify(line) + "\n");
}

function take(pdu) {
    const whole = pdu.message_payload || pdu.short_message;
    const header = (whole.udh || []).find((element) => element[0] === 0); // concatenated, 8-bit reference
    if (!header) {
        return keep(pdu, whole.message, 1);
    }
    const [, , reference, total, number] = header;
    const key = pdu.destination_addr + " " + reference;
    const parts = texts.get(key) || new Map();
    texts.set(key, parts.set(number, whole.message));
    if (parts.size === total) {
        texts.delete(key);
        keep(pdu, Array.from({length: total}, (_, at) => parts.get(at + 1)).join(""), total);
    }
}

const STATES = {DELIVRD: "DELIVERED", UNDELIV: "UNDELIVERABLE", DELETED: "DELETED"};

function receipt(pdu, id, stat) {
    const error = stat === "DELIVRD" ? "000" : "001";
    return {
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
        short_message: `id:${id} sub:001 dlvrd:001 submit date:2602240930 done date:2602240931 stat:${stat} err:${error} text:`,
        receipted_message_id: id,
        message_state: smpp.MESSAGE_STATE[STATES[stat]],
    };
}

function deliver() {
    while (sessions.length && due.length) {
        const [session, body] = [sessions[0], due.shift()];
        session.unconfirmed.add(body);
        session.deliver_sm({...body}, () => session.unconfirmed.delete(body));
    }
}

function submit(session, pdu) {
    submits += 1;
    const answer = (options) => session.send(pdu.response(options));
    if (!sessions.includes(session)) {
        return answer({command_status: smpp.ESME_RINVBNDSTS});
    }
    if (isTooFast()) {
        return answer({command_status: smpp.ESME_RTHROTTLED});
    }
    if (pdu.destination_addr.endsWith("0000")) {
        return answer({command_status: smpp.ESME_RINVDSTADR});
    }
    take(pdu);
    if (submits === loses) {
        return session.destroy();
    }
    const id = "N" + submits.toString(16);
    answer({message_id: id});
    if (pdu.destination_addr.startsWith("910999999")) {
        trying.set(id, pdu);
    } else {
        end(pdu, id, pdu.destination_addr.endsWith("77") ? "UNDELIV" : "DELIVRD");
    }
}

function end(pdu, id, stat) {
    if (pdu.registered_delivery & 1) {
        due.push(receipt(pdu, id, stat));
        deliver();
    }
}

function cancel(session, pdu) {
    const submitted = trying.get(pdu.message_id);
    if (!submitted || submitted.source_addr !== pdu.source_addr) {
        return session.send(pdu.response({command_status: smpp.ESME_RCANCELFAIL}));
    }
    trying.delete(pdu.message_id);
    session.send(pdu.response());
    end(submitted, pdu.message_id, "DELETED");
}

const server = smpp.createServer((session) => {
    session.unconfirmed = new Set();
    session.on("error", () => session.destroy());
    session.on("bind_transceiver", (pdu) => {
        if (`${pdu.system_id}:${pdu.password}` !== account) {
            return session.send(pdu.response({command_status: smpp.ESME_RBINDFAIL}));
        }
        session.send(pdu.response({system_id: "node-smpp"}));
        sessions.push(session);
        deliver();
    });
    session.on("submit_sm", (pdu) => submit(session, pdu));
    session.on("cancel_sm", (pdu) => cancel(session, pdu));
    session.on("enquire_link", (pdu) => session.send(pdu.response()));
    session.on("unbind", (pdu) => {
        session.send(pdu.response());
        session.close();
    });
    session.on("close", () => {
        sessions = sessions.filter((other) => other !== session);
        due.unshift(...session.unconfirmed);
        deliver();
    });
});
server.listen(Number(port), "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
