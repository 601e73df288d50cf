#[test]
fn zz() {
    for setup in ["", "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF", "PRAGMA temp_store=MEMORY", "D", "Q", "RO"] {
    let connection = if setup == "RO" { rusqlite::Connection::open_with_flags("/tmp/h7sq/crm.db", rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap() } else {rusqlite::Connection::open("/tmp/h7sq/crm.db").unwrap()};
    if setup == "D" { connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap(); }
    else if setup == "Q" { connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap(); }
    else if setup != "RO" { connection.execute_batch(setup).unwrap(); }
    for sql in ["PRAGMA integrity_check(100)", "PRAGMA ignore_check_constraints"] {
        let mut s = connection.prepare(sql).unwrap();
        let r: Vec<String> = s.query_map([], |row| row.get::<_, rusqlite::types::Value>(0).map(|v| format!("{v:?}"))).unwrap().map(|r| r.unwrap()).collect();
        println!("{setup} {sql}: {r:?}");
    } }
}
