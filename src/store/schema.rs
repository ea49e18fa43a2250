//! The tables, as diesel sees them. One definition for both back ends; `migrations/` creates them.

diesel::table! {
    tenant (id) {
        #[sql_name = "tenant"]

        id -> Text,
        body -> Text,
        version -> BigInt,
        applied_at -> BigInt,
    }
}

diesel::table! {
    agent (tenant, id) {
        tenant -> Text,
        #[sql_name = "agent"]
        id -> Text,
        login -> Text,
        name -> Text,
        password_hash -> Text,
        role -> Text,
        enabled -> Bool,
        status -> Text,
        reason -> Nullable<Text>,
        capacity -> Integer,
        load -> Integer,
        online -> Bool,
        not_before -> BigInt,
        misses -> Integer,
        last_offer_at -> BigInt,
    }
}

diesel::table! {
    agent_queue (tenant, agent, queue) {
        tenant -> Text,
        agent -> Text,
        queue -> Text,
    }
}

diesel::table! {
    login (tenant, token_hash) {
        tenant -> Text,
        token_hash -> Text,
        agent -> Text,
        csrf -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    pass (tenant, token_hash) {
        tenant -> Text,
        token_hash -> Text,
        kind -> Text,
        party -> Text,
        device -> Nullable<Text>,
        login_hash -> Nullable<Text>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    contact (tenant, id) {
        tenant -> Text,
        #[sql_name = "contact"]
        id -> Text,
        name -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    identity (tenant, account, external_id) {
        tenant -> Text,
        account -> Text,
        external_id -> Text,
        contact -> Text,
        conv -> Text,
        subscribed -> Bool,
    }
}

diesel::table! {
    conversation (tenant, conv) {
        tenant -> Text,
        conv -> Text,
        account -> Text,
        kind -> Text,
        contact -> Text,
        external_id -> Text,
        epoch -> Text,
        last_seq -> BigInt,
        window_left -> Integer,
        window_until -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    session (tenant, id) {
        tenant -> Text,
        #[sql_name = "session"]
        id -> Text,
        conv -> Text,
        state -> Text,
        holder -> Text,
        agent -> Nullable<Text>,
        control_epoch -> BigInt,
        queue -> Nullable<Text>,
        last_agent -> Nullable<Text>,
        reopened_from -> Nullable<Text>,
        transfer -> Nullable<Text>,
        tags -> Text,
        greeted -> Bool,
        started_at -> BigInt,
        queued_at -> Nullable<BigInt>,
        connected_at -> Nullable<BigInt>,
        first_reply_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_reason -> Nullable<Text>,
        version -> BigInt,
        event_seq -> BigInt,
    }
}

diesel::table! {
    message (tenant, conv, seq) {
        tenant -> Text,
        conv -> Text,
        seq -> BigInt,
        id -> Text,
        session -> Nullable<Text>,
        ts -> BigInt,
        role -> Text,
        sender -> Text,
        sender_name -> Nullable<Text>,
        visibility -> Text,
        content -> Text,
        device -> Nullable<Text>,
        cid -> Nullable<Text>,
        reply_to -> Nullable<Text>,
        replaces -> Nullable<Text>,
        ext_id -> Nullable<Text>,
        raw_type -> Nullable<Text>,
        control_epoch -> BigInt,
    }
}

diesel::table! {
    inbox (tenant, account, dedupe) {
        tenant -> Text,
        account -> Text,
        dedupe -> Text,
        answer -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    reader (tenant, conv, participant, device) {
        tenant -> Text,
        conv -> Text,
        participant -> Text,
        device -> Text,
        delivered -> BigInt,
        seen -> BigInt,
    }
}

diesel::table! {
    outbox (rowid) {
        tenant -> Text,
        id -> Text,
        kind -> Text,
        subject -> Text,
        session -> Nullable<Text>,
        sequence -> Nullable<BigInt>,
        node -> Text,
        data -> Text,
        at -> BigInt,
        rowid -> BigInt,
    }
}

diesel::table! {
    duty (name) {
        name -> Text,
        node -> Text,
        term -> BigInt,
        until -> BigInt,
    }
}

diesel::table! {
    order_result (tenant, id) {
        tenant -> Text,
        id -> Text,
        digest -> Text,
        reply -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    delivery (tenant, conv, seq) {
        tenant -> Text,
        conv -> Text,
        seq -> BigInt,
        account -> Text,
        state -> Text,
        part -> Integer,
        attempts -> Integer,
        next_at -> BigInt,
        code -> Nullable<Text>,
        detail -> Nullable<Text>,
        node -> Nullable<Text>,
    }
}

diesel::table! {
    queue_entry (tenant, session) {
        tenant -> Text,
        session -> Text,
        conv -> Text,
        queue -> Text,
        state -> Text,
        priority -> Integer,
        enqueued_at -> BigInt,
        not_before -> BigInt,
    }
}

diesel::table! {
    exclusion (tenant, session, agent) {
        tenant -> Text,
        session -> Text,
        agent -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    assignment (tenant, id) {
        tenant -> Text,
        #[sql_name = "assignment"]
        id -> Text,
        session -> Text,
        conv -> Text,
        agent -> Text,
        state -> Text,
        queue -> Nullable<Text>,
        token -> Text,
        offered_at -> BigInt,
        deadline -> BigInt,
        accepted_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        disposition -> Nullable<Text>,
        transfer_from -> Nullable<Text>,
    }
}

diesel::table! {
    timer (tenant, kind, subject) {
        tenant -> Text,
        kind -> Text,
        subject -> Text,
        due -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    lease (tenant, participant, device) {
        tenant -> Text,
        participant -> Text,
        device -> Text,
        connection -> Text,
        node -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    node (id) {
        id -> Text,
        seen -> BigInt,
    }
}

diesel::table! {
    media (tenant, id) {
        tenant -> Text,
        #[sql_name = "media"]
        id -> Text,
        state -> Text,
        mime -> Text,
        name -> Nullable<Text>,
        size -> Nullable<BigInt>,
        owner -> Nullable<Text>,
        conv -> Nullable<Text>,
        seq -> Nullable<BigInt>,
        account -> Nullable<Text>,
        remote -> Nullable<Text>,
        attempts -> Integer,
        next_at -> BigInt,
        created_at -> BigInt,
        node -> Nullable<Text>,
    }
}

diesel::table! {
    quarantine (tenant, id) {
        tenant -> Text,
        id -> Text,
        account -> Text,
        reason -> Text,
        body -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    audit (tenant, id) {
        tenant -> Text,
        id -> Text,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Nullable<Text>,
        outcome -> Text,
    }
}

diesel::table! {
    access_token (tenant, account, app) {
        tenant -> Text,
        account -> Text,
        app -> Text,
        token -> Nullable<Text>,
        due -> BigInt,
        expires -> BigInt,
        replaced_at -> BigInt,
        holder -> Text,
        until -> BigInt,
        forced -> Integer,
        forced_since -> BigInt,
    }
}

diesel::table! {
    faq (tenant, id) {
        tenant -> Text,
        #[sql_name = "faq"]
        id -> Text,
        kind -> Text,
        question -> Text,
        #[sql_name = "wordings"]
        similar -> Text,
        answer -> Text,
        leads -> Nullable<Text>,
        category -> Text,
        enabled -> Bool,
        valid_from -> Nullable<BigInt>,
        valid_to -> Nullable<BigInt>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    knowledge (tenant) {
        tenant -> Text,
        words -> Text,
        synonyms -> Text,
        weights -> Nullable<Text>,
        version -> BigInt,
    }
}

diesel::table! {
    dialogue (tenant, session) {
        tenant -> Text,
        session -> Text,
        body -> Text,
    }
}

diesel::table! {
    robot_turn (tenant, conv, seq) {
        tenant -> Text,
        conv -> Text,
        seq -> BigInt,
        session -> Text,
        epoch -> BigInt,
        state -> Text,
        next_at -> BigInt,
        tries -> Integer,
        account -> Nullable<Text>,
        dedupe -> Nullable<Text>,
        chosen -> Nullable<Text>,
        asked_at -> BigInt,
        adapter -> Text,
        query -> Text,
        decision -> Nullable<Text>,
        hits -> Nullable<Text>,
        reply_seq -> Nullable<BigInt>,
        latency_ms -> Nullable<BigInt>,
        error -> Nullable<Text>,
        stale -> Bool,
        helpful -> Nullable<Bool>,
    }
}

diesel::table! {
    unknown_question (tenant, query) {
        tenant -> Text,
        query -> Text,
        sample -> Text,
        times -> BigInt,
        state -> Text,
        last_at -> BigInt,
    }
}

diesel::table! {
    flow (tenant, id, version) {
        tenant -> Text,
        #[sql_name = "flow"]
        id -> Text,
        version -> BigInt,
        body -> Text,
        enabled -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    flow_run (tenant, session, purpose) {
        tenant -> Text,
        session -> Text,
        purpose -> Text,
        conv -> Text,
        body -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    flow_call (tenant, call) {
        tenant -> Text,
        call -> Text,
        session -> Text,
        purpose -> Text,
        version -> BigInt,
        body -> Text,
        next_at -> BigInt,
        tries -> Integer,
        deadline -> BigInt,
    }
}

diesel::table! {
    rating (tenant, session) {
        tenant -> Text,
        session -> Text,
        score -> Integer,
        words -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    call (tenant, id) {
        tenant -> Text,
        #[sql_name = "call"]
        id -> Text,
        session -> Text,
        conv -> Text,
        contact -> Text,
        agent -> Text,
        state -> Text,
        invited_at -> BigInt,
        connected_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        ended_reason -> Nullable<Text>,
        talk_ms -> BigInt,
        body -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    call_side (tenant, call, side) {
        tenant -> Text,
        call -> Text,
        side -> Text,
        leg -> BigInt,
        n -> BigInt,
        desc_n -> Nullable<BigInt>,
        desc_type -> Nullable<Text>,
        sdp -> Nullable<Text>,
        ice -> Text,
        ice_count -> BigInt,
    }
}

diesel::table! {
    call_wish (tenant, session) {
        tenant -> Text,
        session -> Text,
        device -> Text,
        video -> Bool,
    }
}

diesel::table! {
    call_recording (tenant, recording) {
        tenant -> Text,
        recording -> Text,
        call -> Text,
        agent -> Text,
        media -> Text,
        mime -> Text,
        chunks -> BigInt,
        size -> BigInt,
        ms -> Nullable<BigInt>,
        sha256 -> Nullable<Text>,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    xmpp_link (tenant, account) {
        tenant -> Text,
        account -> Text,
        node -> Text,
        state -> Text,
        code -> Text,
        reason -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    xmpp_agent (tenant, account, agent) {
        tenant -> Text,
        account -> Text,
        agent -> Text,
        jid -> Text,
        home -> Text,
        subscription -> Text,
        shown -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    xmpp_contact (tenant, account, jid) {
        tenant -> Text,
        account -> Text,
        jid -> Text,
        local -> Text,
    }
}

diesel::table! {
    xmpp_room (tenant, account, room) {
        tenant -> Text,
        account -> Text,
        room -> Text,
        agent -> Text,
        session -> Text,
        conv -> Text,
        watched -> Bool,
        channel -> Text,
        name -> Text,
        nick -> Text,
        guests -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    tenant,
    agent,
    agent_queue,
    login,
    pass,
    contact,
    identity,
    conversation,
    session,
    message,
    inbox,
    reader,
    outbox,
    duty,
    order_result,
    delivery,
    queue_entry,
    exclusion,
    assignment,
    timer,
    lease,
    node,
    media,
    quarantine,
    audit,
    access_token,
    faq,
    knowledge,
    dialogue,
    robot_turn,
    unknown_question,
    flow,
    flow_run,
    flow_call,
    rating,
    call,
    call_side,
    call_recording,
    call_wish,
    xmpp_link,
    xmpp_agent,
    xmpp_contact,
    xmpp_room
);
